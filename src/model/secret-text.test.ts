import { expect, it } from 'vitest'
import { holdsCredential, withoutCredentials } from './secret-text.ts'

const secrets = [
  'https://a.blob.core.windows.net/c/p?sv=1&sig=abc',
  'DefaultEndpointsProtocol=https;AccountName=a;AccountKey=abc;EndpointSuffix=x',
  'connect postgresql://me:abc@host/db',
  'git+https://me:abc@host/repository',
]

it.each(secrets)('finds the credential of %s, and strikes nothing else out', (text) => {
  expect(holdsCredential(text)).toBe(true)
  expect(withoutCredentials(text)).toBe(text.replace('abc', '…'))
})

it.each(['https://host/a:b@c', 'postgresql://me:{{PASSWORD}}@host/db', 'azureml:fraud:3', '://'])(
  'takes %s for none',
  (text) => {
    expect(holdsCredential(text)).toBe(false)
  },
)

it.each(['x', 'x.', 'a:', '://x', 'x://', '://x:', '@', 'Password=', '?sig='])(
  'comes to an end with a megabyte of %s',
  (part) => {
    const text = part.repeat(1_000_000 / part.length)
    expect(holdsCredential(text)).toBe(/=$/.test(part))
    expect(withoutCredentials(text).length).toBeGreaterThan(0)
  },
)
