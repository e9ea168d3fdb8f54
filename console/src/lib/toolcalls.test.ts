import { describe, expect, it } from 'vitest'

import { repeatedCalls } from './toolcalls'

const args = { path: 'a.go', line: 3 }
const other = { line: 3, path: 'a.go' }
const tools = [{ type: 'function', function: { name: 'read', parameters: {} } }, { name: 'read', input_schema: {} }, { functionDeclarations: [{ name: 'read' }] }]

const bodies: Record<string, unknown> = {
  chat: { tools, messages: [{ role: 'assistant', tool_calls: [args, other].map((one, at) => ({ id: `c${at}`, type: 'function', function: { name: 'read', arguments: JSON.stringify(one) } })) }, { role: 'tool', content: 'x' }] },
  messages: { tools, messages: [args, other].map((input, at) => ({ role: 'assistant', content: [{ type: 'text', text: 'so' }, { type: 'tool_use', id: `t${at}`, name: 'read', input }] })) },
  responses: { tools, input: [args, other].map((one) => ({ type: 'function_call', name: 'read', arguments: JSON.stringify(one) })) },
  gemini: { tools, contents: [args, other].map((one) => ({ role: 'model', parts: [{ functionCall: { name: 'read', args: one } }] })) },
  converse: { toolConfig: { tools }, messages: [args, other].map((input) => ({ role: 'assistant', content: [{ toolUse: { toolUseId: 'u', name: 'read', input } }] })) },
}

describe('calls that were made before', () => {
  it.each(Object.keys(bodies))('of %s', (dialect) => {
    expect(repeatedCalls(JSON.stringify(bodies[dialect]))).toEqual([{ name: 'read', args: '{"line":3,"path":"a.go"}', times: 2 }])
  })

  it('are not those with other arguments, and not what describes tools', () => {
    expect(repeatedCalls(JSON.stringify({ tools: [...tools, ...tools], messages: [{ content: [{ type: 'tool_use', name: 'read', input: { a: 1 } }, { type: 'tool_use', name: 'read', input: { a: 2 } }] }] }))).toEqual([])
  })

  it('cannot be told of what is no JSON', () => {
    expect(repeatedCalls('{"messages": [')).toBeUndefined()
  })
})
