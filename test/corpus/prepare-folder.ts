import { cpSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { isDocument } from '../../src/specification/document.ts'
import { parseFile, yamlFiles } from '../../src/specification/read-folder.ts'

/** Keys whose value may be a path beside the specification. */
const pathKeys = new Set(['code', 'path', 'conda_file', 'dockerfile_path'])
const elsewhere = /^(azureml:|[a-z][a-z0-9+.-]*:\/\/|git\+|runs:|mlflow|\$\{\{|\/)/i

/**
 * A copy of a folder of specifications in which every file and folder that a specification names
 * exists: public collections hold specifications without the code and data they speak of. Contents
 * name their own path, so that no two snapshots are the same by accident.
 */
export async function prepareFolder(source: string, copy: string): Promise<number> {
  cpSync(source, copy, { recursive: true })
  return makeMissing(copy)
}

async function makeMissing(copy: string): Promise<number> {
  let made = 0
  for (const file of await yamlFiles(copy)) {
    const document = await parseFile(file)
    if (isDocument(document)) made += prepare(copy, dirname(file), document, document)
  }
  return made
}

function prepare(
  root: string,
  folder: string,
  value: Readonly<Record<string, unknown>>,
  parent: Readonly<Record<string, unknown>>,
): number {
  let made = 0
  for (const [key, child] of Object.entries(value)) {
    if (isDocument(child)) made += prepare(root, folder, child, value)
    else if (Array.isArray(child)) {
      for (const one of child) if (isDocument(one)) made += prepare(root, folder, one, value)
    } else if (pathKeys.has(key) && typeof child === 'string' && !elsewhere.test(child)) {
      made += makePath(root, folder, child, parent.type ?? value.type)
      if (key === 'code') made += makeScript(root, folder, child, value.scoring_script)
    }
  }
  return made
}

function makePath(root: string, folder: string, path: string, type: unknown): number {
  const target = resolve(folder, path.replace(/^file:(\/\/)?/, ''))
  if (!isBelow(root, target)) return 0
  if (existsSync(target)) return statSync(target).isDirectory() ? fill(root, target, type) : 0
  if (/\.[a-z0-9]{1,6}$/i.test(basename(target)) && !path.endsWith('/')) {
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, standIn(relative(root, target)))
    return 1
  }
  mkdirSync(target, { recursive: true })
  return fill(root, target, type)
}

/** A list of packages has to be one. */
function standIn(name: string): string {
  const text = `made for ${name}\n`
  return /\.ya?ml$/.test(name) ? `# ${text}dependencies: [python]\n` : text
}

function fill(root: string, target: string, type: unknown): number {
  const file = join(target, type === 'mltable' ? 'MLTable' : 'made.txt')
  if (existsSync(file)) return 0
  writeFileSync(file, `made for ${relative(root, file)}\n`)
  return 1
}

/** A scoring script that serves, so that a region can deploy what names it. */
function makeScript(root: string, folder: string, code: string, script: unknown): number {
  if (typeof script !== 'string') return 0
  const file = resolve(folder, code, script)
  if (!isBelow(root, file) || existsSync(file)) return 0
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, 'def init():\n    pass\n\n\ndef run(data):\n    return data\n')
  return 1
}

function isBelow(root: string, path: string): boolean {
  return !relative(root, path).startsWith('..')
}
