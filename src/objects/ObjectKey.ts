/** Throws unless this is a key as `ObjectStore` says: whoever makes another has a defect. */
export const checkObjectKey = (key: string): void => {
  if (!isKey.test(key)) throw new Error(`${JSON.stringify(key)} is not a key of an object.`)
}

const isKey = /^(?!\.)[A-Za-z0-9._-]+(?:\/(?!\.)[A-Za-z0-9._-]+)*$/
