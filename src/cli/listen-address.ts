import { InvalidArgumentError } from 'commander'

/** `host:port` of an option; port 0 is any free one. IPv6 hosts stand in brackets. */
export function listenAddress(text: string): { readonly host: string; readonly port: number } {
  const [, host = '', port = ''] = /^(\[[^\]]+\]|[^:\s]+):(\d{1,5})$/.exec(text) ?? []
  if (host === '' || Number(port) > 65_535) {
    throw new InvalidArgumentError('Write HOST:PORT, e.g. 127.0.0.1:7420; port 0 is any free one.')
  }
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) }
}
