// SPDX-License-Identifier: MIT
// Reads Parquet files with hyparquet, as readers.py does with the other readers: what a value is in
// the ndjson is said there.
//
//     node tests/interop/readers.mjs print FILE
//     node tests/interop/readers.mjs compare FILE...|DIRECTORY
//
// The packages lie in build/readers/node_modules, or in SHALE_READERS.  What hyparquet cannot tell:
// a decimal is a float there, so what was written is turned into that float by hyparquet's formula.
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const readers = process.env.SHALE_READERS
  ? pathToFileURL(process.env.SHALE_READERS + '/')
  : new URL('../../build/readers/node_modules/', import.meta.url)
const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } =
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

function floatBits(value) {
  if (Number.isNaN(value)) return '7ff8000000000000'
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  return view.getBigUint64(0).toString(16).padStart(16, '0')
}

/** One value, no list, as the ndjson has it; 'element' is the leaf's schema. */
function scalar(value, element) {
  if (value === null || value === undefined) return null
  if (element.converted_type === 'DECIMAL') return value
  if (typeof value === 'boolean' || typeof value === 'string') return value
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (element.type === 'DOUBLE') return floatBits(value)
  return `${value}`
}

function convert(value, element) {
  return Array.isArray(value) ? value.map(v => convert(v, element)) : scalar(value, element)
}

/** The column's leaf in the schema: below a list there is one child each. */
function leafOf(tree) {
  while (tree.children.length > 0) tree = tree.children[0]
  return tree.element
}

async function read(path) {
  const file = await asyncBufferFromFile(path)
  const metadata = await parquetMetadataAsync(file)
  const leaves = parquetSchema(metadata).children.map(tree => [tree.element.name, leafOf(tree)])
  const rows = await parquetReadObjects({ file, metadata, compressors, parsers, utf8: false })
  return {
    leaves: new Map(leaves),
    rows: rows.map(row => Object.fromEntries(leaves.map(([name, leaf]) => [name, convert(row[name], leaf)]))),
  }
}

/** What hyparquet makes of a decimal: the unscaled integer as a float, scaled. */
function asRead(expected, element) {
  if (Array.isArray(expected)) return expected.map(v => asRead(v, element))
  if (expected === null || element.converted_type !== 'DECIMAL') return expected
  return Number(BigInt(expected.replace('.', ''))) * 10 ** -(element.scale ?? 0)
}

async function compare(path) {
  const lines = readFileSync(path.replace(/\.parquet$/, '.ndjson'), 'utf8').split('\n').filter(Boolean)
  const { leaves, rows } = await read(path)
  if (rows.length !== lines.length) throw new Error(`${rows.length} rows, expected ${lines.length}`)
  lines.forEach((line, row) => {
    const expected = JSON.parse(line)
    const names = Object.keys(expected)
    if (names.join() !== [...leaves.keys()].join()) throw new Error(`columns ${[...leaves.keys()]}`)
    for (const name of names) {
      const got = JSON.stringify(rows[row][name])
      const want = JSON.stringify(asRead(expected[name], leaves.get(name)))
      if (got !== want) throw new Error(`column ${name}, row ${row}: ${got}, expected ${want}`)
    }
  })
  return `${rows.length} rows agree`
}

const [command, ...paths] = process.argv.slice(2)
const files = paths.flatMap(path => statSync(path).isDirectory()
  ? readdirSync(path).filter(name => name.endsWith('.parquet')).sort().map(name => join(path, name))
  : [path])
if (command === 'print' && files.length === 1) {
  for (const row of (await read(files[0])).rows) console.log(JSON.stringify(row))
} else if (command === 'compare' && files.length > 0) {
  for (const file of files) {
    try {
      console.log(`ok ${file}: hyparquet: ${await compare(file)}`)
    } catch (error) { // whatever the reader throws is a failure of the file
      console.log(`not ok ${file}: hyparquet: ${error.message}`)
      process.exitCode = 1
    }
  }
} else {
  console.error('usage: readers.mjs print FILE | compare FILE...|DIRECTORY')
  process.exitCode = 2
}
