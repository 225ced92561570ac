import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { regionVariables, renderEnvironment } from './region-env.ts'

let dir: string
let secretFile: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "holdfast it's "))
  secretFile = join(dir, 'client-secret')
  writeFileSync(secretFile, 's3cret\n')
})
afterEach(() => rmSync(dir, { recursive: true }))

const cloud = () => ({
  name: 'eastus',
  resourceManager: 'https://localhost:1',
  authority: 'https://localhost:1',
  tenantId: 't',
  ca: join(dir, 'ca.pem'),
  caBundle: join(dir, 'bundle.pem'),
  clientId: 'c',
  clientSecretFile: secretFile,
  admin: 'https://localhost:1/_region',
  proxy: 'http://127.0.0.1:3',
})

describe('the environment of a region', () => {
  it('arrives in bash whole, with the secret, which is not in the text', () => {
    const variables = regionVariables(cloud(), '/subscriptions/s/x')
    const text = renderEnvironment('bash', variables, secretFile)
    expect(text).not.toContain('s3cret')
    const names = [...Object.keys(variables), 'AZURE_CLIENT_SECRET']
    const print = names.map((name) => `printf '%s\\n' "$${name}"`).join('\n')
    const printed = execFileSync('bash', ['-c', `${text}\n${print}`], { encoding: 'utf8' })
    expect(printed.trimEnd().split('\n')).toEqual([...Object.values(variables), 's3cret'])
    expect(variables.MLFLOW_TRACKING_URI).toBe('https://localhost:1/mlflow/v1.0/subscriptions/s/x')
  })

  it('is quoted for PowerShell, which reads the secret itself', () => {
    const text = renderEnvironment('pwsh', regionVariables(cloud()), secretFile)
    expect(text).toContain(
      `$env:SSL_CERT_FILE = '${join(dir, 'bundle.pem').replaceAll("'", "''")}'`,
    )
    expect(text).toMatch(
      /\$env:AZURE_CLIENT_SECRET = \(Get-Content -Raw -LiteralPath '.*'\)\.Trim\(\)$/,
    )
    expect(text).not.toContain('s3cret')
  })

  it('holds the secret as a dotenv file, which cannot read one', () => {
    const text = renderEnvironment('dotenv', regionVariables(cloud()), secretFile)
    expect(text).toMatch(/^AZURE_CLIENT_SECRET=s3cret$/m)
    expect(text).toContain(`SSL_CERT_FILE="${join(dir, 'bundle.pem')}"`)
  })
})
