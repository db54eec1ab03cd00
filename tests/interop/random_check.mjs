// SPDX-License-Identifier: MIT
// Compares what random_write wrote with what hyparquet reads, as random_check.py does for the others.
//
//     node tests/interop/random_check.mjs DIRECTORY
//
// What hyparquet cannot say (docs/readers.md), and how both sides are made equal:
//
//   decimal       a float: the unscaled integer as a float, scaled
//   map           an object: its keys are texts, their order is JavaScript's
//   null struct   see same()
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const readers = process.env.SHALE_READERS
  ? pathToFileURL(process.env.SHALE_READERS + '/')
  : new URL('../../build/readers/node_modules/', import.meta.url)
const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } =
  await import(new URL('hyparquet/src/node.js', readers))
const { compressors } = await import(new URL('hyparquet-compressors/src/index.js', readers))

const text = new TextDecoder('utf-8', { fatal: true })
const parsers = {
  timestampFromMilliseconds: value => `${BigInt(value) * 1000000n}`,
  timestampFromMicroseconds: value => `${BigInt(value) * 1000n}`,
  timestampFromNanoseconds: value => `${BigInt(value)}`,
  dateFromDays: value => `${value}`,
  stringFromBytes: bytes => bytes && text.decode(bytes),
  jsonFromBytes: bytes => bytes && text.decode(bytes),
}
// A converter is called for a null, too, in some of these: leave it null.
for (const name of Object.keys(parsers)) {
  const parse = parsers[name]
  parsers[name] = value => value === null || value === undefined ? value : parse(value)
}

const nothing = value => value === null || value === undefined

/** Of a float, its bits as random_write writes them. */
function floatBits(value, kind) {
  if (Number.isNaN(value)) return kind === 'float32' ? '7fc00000' : '7ff8000000000000'
  const view = new DataView(new ArrayBuffer(8))
  if (kind === 'float32') {
    view.setFloat32(0, value)
    return view.getUint32(0).toString(16).padStart(8, '0')
  }
  view.setFloat64(0, value)
  return view.getBigUint64(0).toString(16).padStart(16, '0')
}

const perMicrosecond = { ms: 1000n, us: 1n }

function timeText(value, unit) {
  if (unit !== 'ns') return `${BigInt(value) * perMicrosecond[unit]}`
  const whole = BigInt(value) / 1000n
  const rest = BigInt(value) % 1000n
  return rest ? `${whole}.${`${rest}`.padStart(3, '0')}` : `${whole}`
}

/** What hyparquet gave for a scalar, as random_write writes it. */
function scalar(value, type) {
  switch (type.kind) {
    case 'decimal': return value
    case 'float64': case 'float32': return floatBits(value, type.kind)
    case 'time': return timeText(value, type.unit)
    case 'binary': return Buffer.from(value).toString('hex')
    case 'bool': return value
    default: return `${value}`
  }
}

/** Is 'found' what was 'wanted'? */
function same(found, wanted, type) {
  if (nothing(wanted)) return nothing(found)
  if (nothing(found)) return false
  const [first, second] = type.members.map(member => member[1])
  switch (type.kind) {
    case 'list':
      return Array.isArray(found) && found.length === wanted.length &&
        wanted.every((value, i) => same(found[i], value, first))
    case 'map': {
      const keys = Object.keys(found)
      return keys.length === wanted.length && wanted.every(({ key, value }) => {
        const name = keys.find(k => k === keyText(key, first))
        return name !== undefined && same(found[name], value, second)
      })
    }
    case 'struct':
      return type.members.every(([name, member]) => same(found[name], wanted[name], member))
    case 'decimal':
      return found === Number(BigInt(wanted.replace('.', ''))) * 10 ** -type.scale
    default:
      return scalar(found, type) === wanted
  }
}

/** A map's key as the name of a member. */
function keyText(key, type) {
  if (type.kind === 'decimal') return `${Number(BigInt(key.replace('.', ''))) * 10 ** -type.scale}`
  if (type.kind === 'binary') return `${new Uint8Array(Buffer.from(key, 'hex'))}`
  return key
}

const shown = value => JSON.stringify(value, (_, v) => typeof v === 'bigint' ? `${v}` : v)?.slice(0, 200)

async function compare(base) {
  const types = JSON.parse(readFileSync(base + '.types', 'utf8'))
  const lines = readFileSync(base + '.ndjson', 'utf8').split('\n').filter(Boolean)
  const file = await asyncBufferFromFile(base + '.parquet')
  const metadata = await parquetMetadataAsync(file) // its bounds of bytes are no texts: not by our parsers
  const rows = await parquetReadObjects({ file, metadata, compressors, parsers, utf8: false })
  if (rows.length !== lines.length) throw new Error(`${rows.length} rows, expected ${lines.length}`)
  lines.forEach((line, row) => {
    const wanted = JSON.parse(line)
    for (const [name, type] of types) {
      if (!same(rows[row][name], wanted[name], type)) {
        throw new Error(`column ${name}, row ${row}: ${shown(rows[row][name])}, expected ${shown(wanted[name])}`)
      }
    }
  })
}

const directory = process.argv[2]
let passed = 0
let failed = 0
for (const name of readdirSync(directory).filter(n => n.endsWith('.parquet')).sort()) {
  try {
    await compare(join(directory, name.replace(/\.parquet$/, '')))
    passed++
  } catch (error) { // whatever the reader throws is a failure of the file
    console.log(`not ok ${name}: hyparquet: ${error.message}`)
    failed++
  }
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed || !passed ? 1 : 0
