// SPDX-License-Identifier: MIT
// hyparquet reads from each NAME.grown.parquet the rows that it reads from NAME.part0.parquet and the
// parts after it: the files that append.py keeps.
//
//     node tests/interop/append.mjs DIRECTORY
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const readers = process.env.SHALE_READERS
  ? pathToFileURL(process.env.SHALE_READERS + '/')
  : new URL('../../build/readers/node_modules/', import.meta.url)
const { asyncBufferFromFile, parquetReadObjects } =
  await import(new URL('hyparquet/src/node.js', readers))
const { compressors } = await import(new URL('hyparquet-compressors/src/index.js', readers))

const read = async path =>
  await parquetReadObjects({ file: await asyncBufferFromFile(path), compressors })

// One form for what is equal: a member that is not there is a null one.
function plain(value) {
  if (value === undefined || value === null) return null
  if (typeof value === 'bigint') return `${value}`
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'NaN' : value.toISOString()
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'object') {
    const kept = Object.entries(value).filter(([, v]) => v !== null && v !== undefined)
    return Object.fromEntries(kept.sort().map(([k, v]) => [k, plain(v)]))
  }
  return typeof value === 'number' ? `${value}` : value
}
const show = rows => JSON.stringify(rows.map(plain))

const directory = process.argv[2]
const names = readdirSync(directory)
let passed = 0, failed = 0, skipped = 0
for (const name of names.filter(n => n.endsWith('.grown.parquet')).map(n => n.slice(0, -14))) {
  let parts
  try {
    parts = (await Promise.all(names.filter(n => n.startsWith(name + '.part')).sort()
      .map(n => read(join(directory, n))))).flat()
  } catch {
    skipped++ // it cannot read what there was
    continue
  }
  try {
    const rows = await read(join(directory, name + '.grown.parquet'))
    if (show(rows) !== show(parts)) throw new Error('other rows')
    passed++
  } catch (error) {
    console.log(`hyparquet: ${name}: ${error.message}`)
    failed++
  }
}
if (passed + failed === 0) {
  console.log('hyparquet: nothing was compared')
  failed++
}
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
process.exitCode = failed ? 1 : 0
