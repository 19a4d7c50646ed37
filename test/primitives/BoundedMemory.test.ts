import { assert, describe, it } from "@effect/vitest"
import { BoundedMemory } from "../../src/primitives/BoundedMemory.ts"

describe("a bounded memory", () => {
  it("never holds more than its capacity, and always the newest half of it", () => {
    const memory = new BoundedMemory<number>(10)
    for (let i = 0; i < 1000; i++) {
      memory.set(`key-${i}`, i)
      assert.isAtMost(memory.size, 10)
      for (let recent = Math.max(0, i - 4); recent <= i; recent++) {
        assert.strictEqual(memory.get(`key-${recent}`), recent)
      }
    }
  })

  it("keeps what is read again and again while a flood passes", () => {
    const memory = new BoundedMemory<string>(10)
    memory.set("wanted", "value")
    for (let i = 0; i < 1000; i++) {
      memory.set(`flood-${i}`, "noise")
      assert.strictEqual(memory.get("wanted"), "value")
    }
  })

  it("forgets what it is told to, wherever it is", () => {
    const memory = new BoundedMemory<number>(4)
    for (const key of ["old", "a", "b", "new"]) memory.set(key, 1)
    for (const key of ["old", "new"]) {
      memory.delete(key)
      assert.isUndefined(memory.get(key))
    }
  })

  it("holds the last value of a key", () => {
    const memory = new BoundedMemory<number>(4)
    for (const value of [1, 2, 3]) memory.set("key", value)
    for (const key of ["a", "b"]) memory.set(key, 0)
    memory.set("key", 4)
    assert.strictEqual(memory.get("key"), 4)
  })

  it("of capacity 0 holds nothing", () => {
    const memory = new BoundedMemory<number>(0)
    memory.set("key", 1)
    assert.isUndefined(memory.get("key"))
    assert.strictEqual(memory.size, 0)
  })
})
