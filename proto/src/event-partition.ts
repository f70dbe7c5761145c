import { crc32 } from 'node:zlib'

/**
 * The partition of millrace.events that an event lives in: CRC-32 (ISO-HDLC) of tenant, NUL, source, NUL, id
 * in UTF-8, modulo the number of partitions. Repeats, settlements and retractions of an event meet it there.
 */
export function eventPartition(
  name: { readonly tenant: string; readonly source: string; readonly id: string },
  partitions: number,
): number {
  return crc32(`${name.tenant}\0${name.source}\0${name.id}`) % partitions
}
