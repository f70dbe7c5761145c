import { forgetKey, keepKey, read, readKey, takeKeyFromAddress } from './api.js'
import { createChart } from './chart.js'
import { formatGroup, formatNumber, formatRate, formatSpan } from './format.js'
import { followLive } from './live-feed.js'
import { startRecentLists } from './recent-lists.js'

const spanSeconds = 300
const metersPollMs = 5_000
const totalsPollMs = 3_000
const byId = (id) => document.getElementById(id)

/** What runs while somebody is signed in, to be ended at once. */
let running = []
let stopLive = () => {}
let chart
let meters = []
let current

takeKeyFromAddress()
byId('sign-in-form').addEventListener('submit', signIn)
byId('sign-out').addEventListener('click', () => signOut())
byId('meter').addEventListener('change', (event) => choose(event.target.value))
if (readKey() === null) showSignIn()
else start()

async function signIn(event) {
  event.preventDefault()
  const field = byId('key')
  const key = field.value.trim()
  if (key === '') return showFault('Enter a key.')
  const button = byId('sign-in-button')
  button.disabled = true
  try {
    await read('/v1/meters?limit=1', { key })
    keepKey(key)
    field.value = ''
    start()
  } catch (error) {
    showFault(error.message)
  } finally {
    button.disabled = false
  }
}

function showFault(text) {
  byId('key-error').textContent = text
  byId('key-error').hidden = text === ''
  byId('key').setAttribute('aria-invalid', String(text !== ''))
  byId('key').focus()
}

function showSignIn(fault = '') {
  byId('view').hidden = true
  byId('session').hidden = true
  byId('sign-in').hidden = false
  showFault(fault)
}

function signOut(fault) {
  forgetKey()
  stopLive()
  for (const stop of running) stop()
  running = []
  current = undefined
  meters = []
  showSignIn(fault)
}

function start() {
  byId('sign-in').hidden = true
  byId('view').hidden = false
  byId('session').hidden = false
  chart ??= createChart(byId('chart'), (text) => {
    byId('readout').textContent = text
  })
  running = [every(metersPollMs, refreshMeters), every(totalsPollMs, refreshTotals), startRecentLists()]
}

/** Runs now and then regularly, while the page is looked at. */
function every(ms, task) {
  const run = () => {
    if (document.visibilityState === 'visible') task()
  }
  run()
  document.addEventListener('visibilitychange', run)
  const timer = setInterval(run, ms)
  return () => {
    clearInterval(timer)
    document.removeEventListener('visibilitychange', run)
  }
}

async function refreshMeters() {
  try {
    const answer = await read('/v1/meters')
    showNotice('')
    showMeters(answer.meters)
  } catch (error) {
    if (error.status === 401) signOut('The key is not valid any more. Sign in again.')
    else if (meters.length === 0) {
      setState('lost', 'Not connected')
      showNotice(`${error.message} Trying again…`)
    }
  }
}

function showMeters(found) {
  const names = found.map(({ name }) => name)
  const changed = names.join() !== meters.map(({ name }) => name).join()
  meters = found
  byId('no-meters').hidden = found.length > 0
  byId('dashboard').hidden = found.length === 0
  byId('meter').disabled = found.length === 0
  if (found.length === 0) {
    stopLive()
    current = undefined
    byId('meter').replaceChildren(new Option('none yet', ''))
    byId('meter-about').textContent = 'Connected. Waiting for the first meter.'
    setState('waiting', 'Waiting')
    return
  }
  if (changed) byId('meter').replaceChildren(...names.map((name) => new Option(name, name)))
  const wanted = current?.name ?? new URLSearchParams(location.search).get('meter')
  const meter = found.find(({ name }) => name === wanted) ?? found[0]
  if (current?.name !== meter.name || current.version !== meter.version) choose(meter.name)
  byId('meter').value = meter.name
}

/** Reads a meter from here on; the address says which, so that it can be shared. */
function choose(name) {
  current = meters.find((meter) => meter.name === name)
  if (current === undefined) return
  stopLive()
  history.replaceState(null, '', `?${new URLSearchParams({ meter: name })}`)
  describeMeter(current)
  setState('waiting', 'Connecting')
  const seconds = new Map()
  let asOfMs = 0
  showLive({ totals: { value: null, perSecond: null }, top: [], sources: 1 }, seconds, 0)
  stopLive = followLive(name, {
    onMessage(message) {
      if (message.reset) seconds.clear()
      for (const { second, value } of message.seconds) seconds.set(Date.parse(second) / 1_000, value)
      asOfMs = Date.parse(message.asOf)
      forgetBefore(seconds, asOfMs / 1_000 - spanSeconds)
      showLive(message, seconds, asOfMs)
      setState(message.sources > 0 ? 'live' : 'stale', message.sources > 0 ? 'Live' : 'No live source')
    },
    onState(state, error) {
      if (state === 'waiting') setState('waiting', 'Connecting')
      if (state !== 'lost') return
      if (error?.status === 401) signOut('The key is not valid any more. Sign in again.')
      else if (error?.status === 403 || error?.status === 400) {
        setState('lost', 'Not available')
        showEmpty(error.message)
      } else setState('lost', 'Reconnecting')
    },
  })
  byId('all-time').textContent = '–'
  refreshTotals()
}

function forgetBefore(seconds, oldest) {
  for (const second of seconds.keys()) if (second < oldest) seconds.delete(second)
}

function describeMeter({ description, aggregation, eventTypes, groupBy = {} }) {
  const what = { count: 'Counts', sum: 'Sums', avg: 'Averages', min: 'Minimum of', max: 'Maximum of' }[
    aggregation
  ]
  byId('meter-about').textContent = description || `${what ?? aggregation} ${eventTypes.join(', ')}`
  const dimensions = Object.keys(groupBy).sort()
  byId('dashboard').dataset.groups = dimensions.length === 0 ? 'none' : 'some'
  byId('top-by').textContent = dimensions.length === 0 ? '' : `by ${dimensions.join(', ')}`
  byId('top').replaceChildren()
  const titles = { count: 'Events by second', sum: 'Sum by second', avg: 'Average by second' }
  byId('chart-title').textContent =
    titles[aggregation] ?? `${aggregation === 'min' ? 'Minimum' : 'Maximum'} by second`
}

function showLive({ totals, top }, seconds, asOfMs) {
  byId('rate').textContent = formatRate(totals.perSecond)
  byId('span-value').textContent = formatNumber(totals.value)
  const values = [...seconds.values()].filter((value) => value !== null)
  byId('peak').textContent = values.length === 0 ? '–' : formatNumber(Math.max(...values))
  showTop(top)
  showChart(seconds, asOfMs)
}

/** The seconds at both ends are not whole, and would look like dips: the line leaves them out. */
function showChart(seconds, asOfMs) {
  const adds = current.aggregation === 'count' || current.aggregation === 'sum'
  const end = asOfMs === 0 ? Math.floor(Date.now() / 1_000) : Math.floor(asOfMs / 1_000) - 1
  const begin = end - spanSeconds + 3
  const xs = []
  const ys = []
  for (let second = begin; second <= end; second += 1) {
    xs.push(second)
    ys.push(seconds.get(second) ?? (adds && asOfMs > 0 ? 0 : null))
  }
  chart.show([xs, ys], [begin, end])
  const known = ys.filter((value) => value !== null && value !== 0).length
  if (asOfMs === 0) showEmpty('Connecting…')
  else showEmpty(known === 0 ? 'No events in the last five minutes. New ones appear here at once.' : '')
  byId('chart').setAttribute(
    'aria-label',
    known === 0
      ? 'No events in the last five minutes'
      : `Line of ${known} seconds with events in the last five minutes`,
  )
}

function showEmpty(text) {
  byId('chart-empty').textContent = text
  byId('chart-empty').hidden = text === ''
}

function showTop(top) {
  const list = byId('top')
  byId('top-empty').hidden = top.length > 0
  const largest = Math.max(...top.map(({ value }) => Math.abs(value ?? 0)), 0)
  while (list.childElementCount > top.length) list.lastElementChild.remove()
  while (list.childElementCount < top.length) list.append(createTopRow())
  top.forEach(({ group, value }, index) => {
    const [bar, name, figure] = list.children[index].children
    const label = formatGroup(group)
    bar.style.setProperty('--share', largest === 0 ? 0 : Math.abs(value ?? 0) / largest)
    if (name.textContent !== label) {
      name.textContent = label
      name.title = label
    }
    figure.textContent = formatNumber(value)
  })
}

function createTopRow() {
  const item = document.createElement('li')
  for (const className of ['top-bar', 'top-name', 'top-value']) {
    const part = document.createElement('span')
    part.className = className
    item.append(part)
  }
  return item
}

/** The meter over all time: what reports say, and how fresh they are. */
async function refreshTotals() {
  if (current === undefined) return
  const { name } = current
  try {
    const report = await read(`/v1/reports/${encodeURIComponent(name)}?fill=true`)
    if (current?.name !== name) return
    byId('all-time').textContent = formatNumber(report.rows[0]?.value)
    const lag = Date.parse(report.generatedAt) - Date.parse(report.dataThrough)
    byId('fresh').textContent =
      Date.parse(report.dataThrough) === 0
        ? 'How fresh reports are is not known yet.'
        : `Reports are ${formatSpan(lag)} behind what is received.`
  } catch (error) {
    if (current?.name === name && error.status !== 401)
      byId('fresh').textContent = `${error.message} What is shown is older.`
  }
}

function setState(state, text) {
  const element = byId('state')
  if (element.dataset.state !== state) element.dataset.state = state
  if (byId('state-text').textContent !== text) byId('state-text').textContent = text
  byId('dashboard').dataset.stale = state === 'lost' ? 'yes' : 'no'
}

function showNotice(text) {
  byId('notice').textContent = text
  byId('notice').hidden = text === ''
}
