import { generateKeyPairSync, sign } from "node:crypto"

/** DER (X.690): a tag, a length in the shortest form, and the content. */
const der = (tag: number, ...content: ReadonlyArray<Uint8Array>): Buffer => {
  const body = Buffer.concat(content)
  const length =
    body.length < 128
      ? [body.length]
      : [0x80 + Math.ceil(body.length.toString(16).length / 2), ...bytesOf(body.length)]
  return Buffer.concat([Buffer.from([tag, ...length]), body])
}
const bytesOf = (value: number): ReadonlyArray<number> =>
  value < 256 ? [value] : [...bytesOf(Math.floor(value / 256)), value % 256]

const sequence = (...content: ReadonlyArray<Uint8Array>) => der(0x30, ...content)
const oid = (hex: string) => der(0x06, Buffer.from(hex, "hex"))
const yes = der(0x01, Buffer.from([0xff]))
const time = (text: string) => der(0x17, Buffer.from(text))

const ecdsaWithSha256 = sequence(oid("2a8648ce3d040302"))
const commonName = sequence(der(0x31, sequence(oid("550403"), der(0x0c, Buffer.from("upstream")))))
const isAuthority = sequence(oid("551d13"), yes, der(0x04, sequence(yes)))
const isLocalhost = sequence(oid("551d11"), der(0x04, sequence(der(0x87, Buffer.from([127, 0, 0, 1])))))

/**
 * A certificate (X.509) for 127.0.0.1 with its key, both as PEM. Made here, because Node cannot, a machine may have no
 * openssl, and a key in the repository would have to be explained to every scanner.
 */
export const selfSigned = (): { readonly key: string; readonly cert: string } => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
  const toSign = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1])),
    ecdsaWithSha256,
    commonName,
    sequence(time("200101000000Z"), time("491231235959Z")),
    commonName,
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(isAuthority, isLocalhost)),
  )
  const signature = der(0x03, Buffer.from([0]), sign("sha256", toSign, privateKey))
  const certificate = sequence(toSign, ecdsaWithSha256, signature).toString("base64")
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${certificate}\n-----END CERTIFICATE-----\n`,
  }
}
