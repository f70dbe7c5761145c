import { read } from './api.js'
import { formatMoment } from './format.js'

const pollMs = 4_000
const shown = 6

const tones = { delivered: 'good', pending: undefined, retrying: 'warn', held: 'warn', dead: 'bad' }

/** Keeps the lists of recent deliveries and invalid events fresh while the page is looked at. */
export function startRecentLists() {
  const lists = [
    {
      name: 'deliveries',
      path: `/v1/deliveries?limit=${shown}`,
      empty: 'No deliveries yet.',
      rows: ({ deliveries }) => deliveries.map(deliveryRow),
    },
    {
      name: 'invalid',
      path: `/v1/events?status=invalid&limit=${shown}`,
      empty: 'None. Every event that came was valid.',
      rows: ({ events }) => events.map(invalidRow),
    },
  ]
  const refresh = () => {
    if (document.visibilityState !== 'visible') return
    for (const list of lists) show(list)
  }
  refresh()
  const timer = setInterval(refresh, pollMs)
  return () => clearInterval(timer)
}

async function show({ name, path, empty, rows }) {
  const blank = document.getElementById(`${name}-empty`)
  const list = document.getElementById(name)
  try {
    const items = rows(await read(path))
    list.replaceChildren(...items)
    blank.textContent = empty
    blank.hidden = items.length > 0
  } catch (error) {
    // What was shown stays: it is old, not wrong.
    if (list.childElementCount > 0) return
    blank.textContent = error.status === 403 ? 'This key may not read them.' : error.message
    blank.hidden = false
  }
}

function deliveryRow({ status, acceptedAt, endpoint, attempts }) {
  const last = attempts.at(-1)
  const made = `${attempts.length} attempt${attempts.length === 1 ? '' : 's'}`
  const answer = last?.responseCode ?? last?.errorCode
  const note =
    attempts.length === 0
      ? 'not attempted yet'
      : `${made}${answer === undefined ? '' : `, last answer ${answer}`}`
  const target = endpoint ?? (last === undefined ? 'postback' : shortUrl(last.url))
  return row({ main: target, title: last?.url, note, badge: status, tone: tones[status], at: acceptedAt })
}

function invalidRow({ event, reason, pointer, receivedAt }) {
  const note = pointer === '' ? reason : `${pointer}: ${reason}`
  return row({ main: event.type, title: `${event.id} from ${event.source}`, note, at: receivedAt })
}

function shortUrl(url) {
  try {
    const { host, pathname } = new URL(url)
    return host + pathname
  } catch {
    return url
  }
}

function row({ main, title, note, badge, tone, at }) {
  const item = document.createElement('li')
  const first = element('span', 'row-main', main)
  if (title !== undefined) first.title = title
  const second = element('span', 'row-note', note)
  second.title = note
  const time = element('time', 'row-time', formatMoment(Date.parse(at)))
  time.dateTime = at
  if (badge === undefined) {
    item.append(first, time, second)
  } else {
    const mark = element('span', 'badge', badge)
    if (tone !== undefined) mark.dataset.tone = tone
    item.append(first, mark, second, time)
  }
  return item
}

function element(name, className, text) {
  const made = document.createElement(name)
  made.className = className
  made.textContent = text
  return made
}
