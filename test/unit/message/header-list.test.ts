import { describe, expect, it } from 'vitest'
import { HeaderList } from '../../../src/message/header-list.js'

function list(...raw: string[]): HeaderList {
  return new HeaderList(raw)
}

describe('HeaderList', () => {
  const sample = () => list('Host', 'a', 'X-One', '1', 'x-one', '2', 'Cookie', 'c', 'X-ONE', '3')

  it('finds names in any case', () => {
    expect(sample().get('X-oNe')).toBe('1')
    expect(sample().getAll('x-One')).toEqual(['1', '2', '3'])
    expect(sample().has('HOST')).toBe(true)
    expect(sample().get('ost')).toBeUndefined()
    expect(sample().getAll('none')).toEqual([])
    expect(sample().has('')).toBe(false)
  })

  it('is not misled by a value that looks like a name', () => {
    const headers = list('X-A', 'X-B', 'X-B', 'X-A')
    expect(headers.get('x-b')).toBe('X-A')
    headers.delete('X-A')
    expect(headers.raw).toEqual(['X-B', 'X-A'])
  })

  it('set takes the place of the first line, and the other lines go', () => {
    const headers = sample()
    headers.set('x-ONE', '9')
    expect(headers.raw).toEqual(['Host', 'a', 'x-ONE', '9', 'Cookie', 'c'])
  })

  it('set adds what is not there at the end', () => {
    const headers = sample()
    headers.set('New', ['1', '2'])
    expect(headers.raw.slice(-4)).toEqual(['New', '1', 'New', '2'])
  })

  it('set takes several lines, or none', () => {
    const headers = sample()
    headers.set('X-One', ['7', '8'])
    expect(headers.raw).toEqual(['Host', 'a', 'X-One', '7', 'X-One', '8', 'Cookie', 'c'])
    headers.set('X-One', [])
    expect(headers.raw).toEqual(['Host', 'a', 'Cookie', 'c'])
    headers.set('X-One', [])
    expect(headers.raw).toEqual(['Host', 'a', 'Cookie', 'c'])
  })

  it('append leaves what is there', () => {
    const headers = list('A', '1')
    headers.append('a', '2')
    headers.append('A', ['3', '4'])
    expect(headers.raw).toEqual(['A', '1', 'a', '2', 'A', '3', 'A', '4'])
  })

  it('a field can be set to its own lines', () => {
    const headers = sample()
    headers.set('x-one', headers.getAll('x-one'))
    expect(headers.getAll('X-One')).toEqual(['1', '2', '3'])
  })

  it('delete takes out every line, also neighbours', () => {
    const headers = list('A', '1', 'a', '2', 'B', '3', 'A', '4')
    headers.delete('a')
    expect(headers.raw).toEqual(['B', '3'])
    headers.delete('none')
    expect(headers.raw).toEqual(['B', '3'])
  })

  it('goes through the lines in their order', () => {
    expect([...list('B', '1', 'A', '2', 'b', '3')]).toEqual([
      ['B', '1'],
      ['A', '2'],
      ['b', '3'],
    ])
  })

  it('is a view: of the list, which cannot be exchanged', () => {
    const raw = ['A', '1']
    const headers = new HeaderList(raw)
    headers.append('B', '2')
    expect(raw).toEqual(['A', '1', 'B', '2'])
    raw.push('C', '3')
    expect(headers.get('c')).toBe('3')
    expect(() => Object.assign(headers, { raw: [] })).toThrow(TypeError)
  })
})
