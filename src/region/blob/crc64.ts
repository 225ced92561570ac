/**
 * The CRC-64 of Azure Storage (`x-ms-content-crc64`): reflected polynomial 0x9A6C9329AC4BC9B5,
 * initial and final value all ones. Kept as two 32-bit halves: BigInt would be 50 times slower.
 */
const high = new Uint32Array(256)
const low = new Uint32Array(256)
for (let n = 0; n < 256; n++) {
  let value = BigInt(n)
  for (let bit = 0; bit < 8; bit++) {
    value = value & 1n ? (value >> 1n) ^ 0x9a6c9329ac4bc9b5n : value >> 1n
  }
  high[n] = Number(value >> 32n)
  low[n] = Number(value & 0xffffffffn)
}

export class Crc64 {
  #high = 0xffffffff
  #low = 0xffffffff

  update(bytes: Uint8Array): void {
    let h = this.#high
    let l = this.#low
    for (const byte of bytes) {
      const index = (l ^ byte) & 0xff
      l = ((l >>> 8) | (h << 24)) ^ (low[index] ?? 0)
      h = (h >>> 8) ^ (high[index] ?? 0)
    }
    this.#high = h
    this.#low = l
  }

  /** Base64 of the eight bytes, least significant first, as the header carries it. */
  digest(): string {
    const bytes = Buffer.alloc(8)
    bytes.writeUInt32LE(~this.#low >>> 0, 0)
    bytes.writeUInt32LE(~this.#high >>> 0, 4)
    return bytes.toString('base64')
  }
}
