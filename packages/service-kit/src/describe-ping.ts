/** GET /ping, the same at every public door. */
export const pingDocs = {
  operationId: 'ping',
  tags: ['service'],
  summary: 'Answers `pong`',
  description: 'Tells that the door is open, and nothing about what is behind it.',
  security: [],
  response: {
    200: {
      description: 'The door is open.',
      content: { 'text/plain': { schema: { type: 'string', const: 'pong' }, example: 'pong' } },
    },
  },
} as const
