import { describe, expect, it } from 'vitest'
import { publicAddress } from './public-address.ts'

const refusal = (host: string, publicUrl?: string) => {
  try {
    publicAddress({ host, port: 1 }, publicUrl)
    return undefined
  } catch (error) {
    return (error as { code: string }).code
  }
}

describe('where a controller listens', () => {
  it('is a network only when something speaks TLS before it', () => {
    for (const host of ['0.0.0.0', '::', '10.0.0.4', 'holdfast.example', 'fe80::1']) {
      expect(refusal(host)).toBe('listen.unprotected')
      expect(refusal(host, 'http://holdfast.example')).toBe('listen.unprotected')
      expect(refusal(host, 'https://holdfast.example')).toBeUndefined()
    }
    for (const host of ['127.0.0.1', '127.0.0.9', 'localhost', '::1']) {
      expect(refusal(host)).toBeUndefined()
    }
  })

  it('answers to its own names alone', () => {
    const listen = { host: '0.0.0.0', port: 1 }
    const { hosts } = publicAddress(listen, 'https://holdfast.example:8443')
    expect(hosts).toEqual(['holdfast.example', '127.0.0.1', 'localhost', '[::1]'])
  })

  it('takes a page over TLS for its own, and none without when it speaks TLS', () => {
    const { isOwnOrigin } = publicAddress({ host: '::', port: 1 }, 'https://holdfast.example')
    expect(isOwnOrigin('https://holdfast.example', 'holdfast.example')).toBe(true)
    expect(isOwnOrigin('http://holdfast.example', 'holdfast.example')).toBe(false)
    const local = publicAddress({ host: '127.0.0.1', port: 1 }, undefined)
    expect(local.isOwnOrigin('http://localhost:7420', 'localhost:7420')).toBe(true)
    expect(local.isOwnOrigin('http://localhost:7421', 'localhost:7420')).toBe(false)
  })
})
