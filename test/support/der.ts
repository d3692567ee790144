/** Writes DER (X.690), as far as the tests' certificates need it. */

type Bytes = Uint8Array

/** An element with this tag and content. */
export function der(tag: number, ...content: readonly Bytes[]): Buffer {
  const body = Buffer.concat(content)
  if (body.length < 0x80) return Buffer.concat([Buffer.of(tag, body.length), body])
  const digits = Buffer.from(body.length.toString(16).padStart(body.length > 0xff ? 4 : 2, '0'), 'hex')
  return Buffer.concat([Buffer.of(tag, 0x80 | digits.length), digits, body])
}

export const sequence = (...content: readonly Bytes[]) => der(0x30, ...content)
export const octets = (content: Bytes) => der(0x04, content)
export const bits = (content: Bytes, unused = 0) => der(0x03, Buffer.of(unused), content)
export const utf8 = (text: string) => der(0x0c, Buffer.from(text, 'utf8'))
export const number = (value: number) => der(0x02, Buffer.of(value))
export const yes = der(0x01, Buffer.of(0xff))

export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return der(0x06, Buffer.from([first * 40 + second, ...rest].flatMap(base128)))
}

/** A UTCTime. */
export function time(date: Date): Buffer {
  return der(0x17, Buffer.from(`${date.toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`, 'latin1'))
}

function base128(value: number): readonly number[] {
  const digits = [value & 0x7f]
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) digits.unshift(0x80 | (rest & 0x7f))
  return digits
}
