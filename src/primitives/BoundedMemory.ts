/**
 * A map that holds at most `capacity` entries and forgets roughly the least recently used ones.
 *
 * Two generations: what is written or read lands in the young one; when that holds half the capacity it
 * becomes the old one and the former old one is dropped. So nothing is ever sorted or swept, and a read costs
 * one lookup, or two.
 */
export class BoundedMemory<V> {
  private readonly half: number
  private young = new Map<string, V>()
  private old = new Map<string, V>()

  constructor(capacity: number) {
    this.half = Math.floor(capacity / 2)
  }

  get size(): number {
    return this.young.size + this.old.size
  }

  get(key: string): V | undefined {
    const recent = this.young.get(key)
    if (recent !== undefined) return recent
    const value = this.old.get(key)
    if (value !== undefined) {
      this.old.delete(key)
      this.set(key, value)
    }
    return value
  }

  set(key: string, value: V): void {
    if (this.half === 0) return
    if (this.young.size >= this.half && !this.young.has(key)) {
      this.old = this.young
      this.young = new Map()
    }
    this.young.set(key, value)
  }

  delete(key: string): void {
    this.young.delete(key)
    this.old.delete(key)
  }
}
