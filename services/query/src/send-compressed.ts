import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { acceptsCoding } from './accepts-coding.ts'

/** Shorter ones fit into a packet or two as they are. */
export const compressedFromBytes = 1_400
const compress = promisify(gzip)

/**
 * Whether an answer with rows goes out compressed: to who asks for it and shows a key. What a browser's session asks for
 * does not: from the lengths of compressed answers somebody who gets a browser to ask, and can have texts of his own among
 * the rows, could guess the others (BREACH). No other page can make a browser send a key.
 */
export function mayCompress({ headers }: Pick<FastifyRequest, 'headers'>): boolean {
  return headers.authorization !== undefined && acceptsCoding(headers['accept-encoding'] as string, 'gzip')
}

/** A page of a list. */
export async function sendPage(
  request: FastifyRequest,
  reply: FastifyReply,
  text: string,
): Promise<FastifyReply> {
  reply.type('application/json').header('vary', 'accept-encoding, authorization')
  if (text.length < compressedFromBytes || !mayCompress(request)) return reply.send(text)
  const bytes = await compress(text, { level: 4 })
  return reply.header('content-encoding', 'gzip').send(bytes)
}
