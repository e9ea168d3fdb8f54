// Writes dist/licences.json: what the binary is made of, each with its licence as it was shipped. Asks nobody: npm packages are read
// from node_modules, Go modules from the module cache. Without Go it has the packages alone.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const here = fileURLToPath(new URL('../', import.meta.url))

/** How licences are known by what they say. */
const marks = [
  ['Apache-2.0', /Apache License/],
  ['MPL-2.0', /Mozilla Public License/],
  ['MIT', /Permission is hereby granted, free of charge/],
  ['ISC', /Permission to use, copy, modify, and\/or distribute/],
  ['BSD-3-Clause', /Redistribution and use in source[\s\S]*Neither the name/],
  ['BSD-2-Clause', /Redistribution and use in source/],
  ['Unlicense', /unencumbered software released into the public domain/],
]
const named = (text) => marks.find(([, mark]) => mark.test(text))?.[0] ?? ''

const texts = []
const parts = []

function add(kind, name, version, dir, licence = '') {
  const file = existsSync(dir) ? readdirSync(dir).find((entry) => /^(licen[cs]e|copying)(\.|-|$)/i.test(entry)) : undefined
  const text = file ? readFileSync(join(dir, file), 'utf8').replaceAll('\r\n', '\n').trim() : ''
  let at = text === '' ? -1 : texts.indexOf(text)
  if (text !== '' && at < 0) at = texts.push(text) - 1
  parts.push({ kind, name, version, licence: licence || named(text), text: at })
}

const { packages } = JSON.parse(readFileSync(join(here, 'package-lock.json'), 'utf8'))
for (const [path, entry] of Object.entries(packages)) {
  if (path === '' || entry.dev || entry.devOptional || entry.optional || !existsSync(join(here, path))) continue
  add('npm', path.replace(/^.*node_modules\//, ''), entry.version, join(here, path), entry.license)
}

const go = spawnSync('go', ['list', '-deps', '-f', '{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}{{end}}', './cmd/turnpike'], { cwd: root, encoding: 'utf8' })
if (go.status === 0) {
  for (const line of [...new Set(go.stdout.split('\n'))].filter(Boolean)) add('go', ...line.split('\t'))
  const env = spawnSync('go', ['env', 'GOROOT', 'GOVERSION'], { encoding: 'utf8' }).stdout.trim().split('\n')
  add('go', 'Go', (env[1] ?? '').replace(/^go/, ''), env[0] ?? '', 'BSD-3-Clause')
} else console.warn('licences.json has no Go modules: go list did not work')

parts.sort((a, b) => a.kind.localeCompare(b.kind) || a.name.localeCompare(b.name))
const unknown = parts.filter((part) => part.licence === '')
if (unknown.length > 0) {
  console.error(`These have a licence that scripts/licences.mjs does not know: ${unknown.map((part) => part.name).join(', ')}`)
  process.exit(1)
}
writeFileSync(join(here, 'dist', 'licences.json'), JSON.stringify({ parts, texts }))
console.log(`${parts.length} licences`)
