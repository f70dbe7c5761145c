import { skipBlanks } from './scan-json.ts'
import { strictValueEnd } from './strict-json.ts'

/** Where the values of an event stand in its text, quotes excluded; an end of 0 for what it lacks. */
export interface EventPlaces {
  sourceStart: number
  sourceEnd: number
  idStart: number
  idEnd: number
  typeStart: number
  typeEnd: number
  subjectStart: number
  subjectEnd: number
  timeStart: number
  timeEnd: number
  /** `application/json` was named; nothing else passes. */
  namesJson: boolean
  dataStart: number
  dataEnd: number
  hasVersion: boolean
}

export function newPlaces(): EventPlaces {
  return {
    sourceStart: 0,
    sourceEnd: 0,
    idStart: 0,
    idEnd: 0,
    typeStart: 0,
    typeEnd: 0,
    subjectStart: 0,
    subjectEnd: 0,
    timeStart: 0,
    timeEnd: 0,
    namesJson: false,
    dataStart: 0,
    dataEnd: 0,
    hasVersion: false,
  }
}

const quote = 0x22
const backslash = 0x5c
const closeBrace = 0x7d
const comma = 0x2c
const colon = 0x3a
/** As `checkText` has it. */
export const maxTextBytes = 4_096
const longestName = 15

/**
 * Finds the places of an event of which nothing is unusual: the attributes of the specification but `dataschema`, once
 * each, as texts of printable ASCII without escapes, and `data`. Returns the offset behind it, or -1 when it is for the
 * general reader; what that would refuse never passes here.
 */
export function findPlaces(json: Buffer, start: number, places: EventPlaces): number {
  clear(places)
  if (json[start] !== 0x7b) return -1
  let at = skipBlanks(json, start + 1)
  for (;;) {
    if (json[at] !== quote) return -1
    const nameEnd = nameEndOf(json, at)
    if (nameEnd === -1) return -1
    const valueStart = skipBlanks(json, skipColon(json, nameEnd + 1))
    const valueEnd = readMember(json, at + 1, nameEnd, valueStart, places)
    if (valueEnd === -1) return -1
    at = skipBlanks(json, valueEnd)
    if (json[at] === closeBrace) return at + 1
    if (json[at] !== comma) return -1
    at = skipBlanks(json, at + 1)
  }
}

function clear(places: EventPlaces): void {
  places.sourceEnd = 0
  places.idEnd = 0
  places.typeEnd = 0
  places.subjectEnd = 0
  places.timeEnd = 0
  places.namesJson = false
  places.dataEnd = 0
  places.hasVersion = false
}

/** Of the quote behind a name, or -1. */
function nameEndOf(json: Buffer, start: number): number {
  const last = Math.min(json.length - 1, start + 1 + longestName)
  for (let at = start + 1; at <= last; at += 1) {
    const byte = json[at]
    if (byte === quote) return at
    if (byte === backslash) return -1
  }
  return -1
}

/** Behind the end, where there is no value, when there is no colon. */
function skipColon(json: Buffer, start: number): number {
  const at = skipBlanks(json, start)
  return json[at] === colon ? at + 1 : json.length
}

/** The offset behind the member's value, or -1. Told apart by their lengths first: each event comes here eight times. */
function readMember(
  json: Buffer,
  nameStart: number,
  nameEnd: number,
  valueStart: number,
  places: EventPlaces,
): number {
  const length = nameEnd - nameStart
  if (length === 4 && isName(json, nameStart, names.data)) {
    if (places.dataEnd !== 0) return -1
    places.dataStart = valueStart
    places.dataEnd = strictValueEnd(json, valueStart)
    return places.dataEnd
  }
  const end = textEnd(json, valueStart)
  if (end === -1) return -1
  return setText(json, nameStart, length, valueStart + 1, end, places) ? end + 1 : -1
}

/** False for a name that is not one of these, or stands here twice, and for texts that are not the usual ones. */
function setText(
  json: Buffer,
  nameStart: number,
  nameLength: number,
  start: number,
  end: number,
  places: EventPlaces,
): boolean {
  switch (nameLength) {
    case 2:
      if (places.idEnd !== 0 || !isName(json, nameStart, names.id)) return false
      places.idStart = start
      places.idEnd = end
      return true
    case 4:
      return setTypeOrTime(json, nameStart, start, end, places)
    case 6:
      if (places.sourceEnd !== 0 || !isName(json, nameStart, names.source)) return false
      places.sourceStart = start
      places.sourceEnd = end
      return true
    case 7:
      if (places.subjectEnd !== 0 || !isName(json, nameStart, names.subject)) return false
      places.subjectStart = start
      places.subjectEnd = end
      return true
    case 11:
      if (places.hasVersion || !isName(json, nameStart, names.specversion)) return false
      places.hasVersion = true
      return isText(json, start, end, names.version)
    case 15:
      if (places.namesJson || !isName(json, nameStart, names.datacontenttype)) return false
      places.namesJson = true
      return isText(json, start, end, names.json)
    default:
      return false
  }
}

function setTypeOrTime(
  json: Buffer,
  nameStart: number,
  start: number,
  end: number,
  places: EventPlaces,
): boolean {
  if (isName(json, nameStart, names.type)) {
    if (places.typeEnd !== 0) return false
    places.typeStart = start
    places.typeEnd = end
    return true
  }
  if (places.timeEnd !== 0 || !isName(json, nameStart, names.time)) return false
  places.timeStart = start
  places.timeEnd = end
  return true
}

export const names = {
  data: Buffer.from('data'),
  id: Buffer.from('id'),
  source: Buffer.from('source'),
  type: Buffer.from('type'),
  subject: Buffer.from('subject'),
  time: Buffer.from('time'),
  specversion: Buffer.from('specversion'),
  datacontenttype: Buffer.from('datacontenttype'),
  version: Buffer.from('1.0'),
  json: Buffer.from('application/json'),
}

export function isText(json: Buffer, start: number, end: number, text: Buffer): boolean {
  return end - start === text.length && isName(json, start, text)
}

/** Of a name whose length is right already. */
function isName(json: Buffer, start: number, name: Buffer): boolean {
  for (let at = 0; at < name.length; at += 1) if (json[start + at] !== name[at]) return false
  return true
}

/** Of the quote behind a text of printable ASCII without escapes that is not empty, or -1. */
function textEnd(json: Buffer, start: number): number {
  if (json[start] !== quote) return -1
  const last = Math.min(json.length - 1, start + 1 + maxTextBytes)
  for (let at = start + 1; at <= last; at += 1) {
    const byte = json[at] as number
    if (byte === quote) return at === start + 1 ? -1 : at
    if (byte < 0x20 || byte > 0x7e || byte === backslash) return -1
  }
  return -1
}
