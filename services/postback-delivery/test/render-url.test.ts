import t from 'tap'
import { parseData } from '../src/macro-values.ts'
import { RenderError } from '../src/render-template.ts'
import { renderUrl } from '../src/render-url.ts'

const render = (template: string, data: unknown, defaults: Record<string, string> = {}) =>
  renderUrl(template, { data: parseData(Buffer.from(JSON.stringify(data))), defaults })
const target = (template: string, data: unknown, defaults?: Record<string, string>) =>
  render(template, data, defaults).target

t.test('the contract’s example is filled in as it says', async (t) => {
  const data = { mascot: 'Gopher', location: 'https://blog.example/gopher.png' }
  const template = 'http://sample-domain.example/data?title={mascot}&image={location}&foo={bar}'
  t.same(render(template, data, { bar: '' }), {
    origin: 'http://sample-domain.example',
    target: '/data?title=Gopher&image=https%3A%2F%2Fblog.example%2Fgopher.png&foo=',
    pathname: '/data',
  })
})

t.test('decoding the query gives back the value, whatever the value is', async (t) => {
  const alphabet = [
    ...'aZ09-._~ &=?#/\\%+"\'<>{}[]|^`:;@!$()*,',
    '\r\n',
    '\0',
    '\t',
    'é',
    '漢',
    '🐹',
    '\ud83d',
    '\udc39',
    '{x}',
    '%7Bx%7D',
    '\u2028',
    'ﬀ',
    '..',
    'javascript:',
  ]
  let seed = 20_261_121
  // A linear congruential generator: the same strings at each run.
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((seed / 2 ** 32) * below)
  }
  for (let round = 0; round < 5_000; round += 1) {
    const value = Array.from({ length: random(12) }, () => alphabet[random(alphabet.length)]).join('')
    const { origin, target: path } = render('https://r.example/p?first={value}&second={value}', {
      value,
      x: 'expanded again',
    })
    const query = new URLSearchParams(path.slice(path.indexOf('?')))
    // Only what no UTF-8 can carry changes, and that in the way of every UTF-8 encoder.
    if (query.get('first') !== value.toWellFormed() || query.get('second') !== value.toWellFormed()) {
      t.fail('the value changed', { value, path })
    }
    if (origin !== 'https://r.example' || [...query].length !== 2) t.fail('the URL changed', { value, path })
    if (!/^[\x21-\x7e]*$/.test(path)) t.fail('the path is not plain', { value, path })
  }
  t.pass('5,000 values came back')
})

t.test('only unreserved characters stay as they are', async (t) => {
  const printable = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join('')
  const encoded = target('http://r.example/?v={v}', { v: printable }).slice('/?v='.length)
  t.equal(
    encoded.replace(/%[0-9A-F]{2}/g, ''),
    '-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~',
  )
})

t.test('values are found by their name, else by their dots', async (t) => {
  const data = {
    a: { b: 'nested', c: [{ d: 'in a list' }] },
    'a.b': 'as it stands',
    'first name': 'with a space',
  }
  t.equal(target('http://r.example/?v={a.b}', data), '/?v=as%20it%20stands')
  t.equal(target('http://r.example/?v={a.c.0.d}', data), '/?v=in%20a%20list')
  t.equal(target('http://r.example/?v={first name}', data), '/?v=with%20a%20space')
})

t.test('what is not there takes the request’s default, then nothing', async (t) => {
  t.equal(target('http://r.example/?v={a}&w={b}', {}, { a: 'x y' }), '/?v=x%20y&w=')
  t.equal(target('http://r.example/?v={a}', { a: null }, { a: 'd' }), '/?v=d', 'null is no value')
  t.equal(target('http://r.example/?v={a}', { a: '' }, { a: 'd' }), '/?v=', 'an empty text is one')
  t.equal(target('http://r.example/?v={a.b.c}', { a: { b: 'text' } }), '/?v=')
})

t.test('what every object has is no value', async (t) => {
  for (const key of [
    'constructor',
    '__proto__',
    'toString',
    'list.length',
    'text.length',
    'a.constructor.name',
  ]) {
    t.equal(target(`http://r.example/?v={${key}}`, { list: [1], text: 'abc', a: {} }), '/?v=', key)
  }
})

t.test('numbers keep their digits, booleans their names, objects and lists their JSON', async (t) => {
  const data = parseData(
    Buffer.from('{"big":12345678901234567890,"money":1.10,"power":1E2,"yes":true,"list":[1.10,{"a":null}]}'),
  )
  const url = 'http://r.example/?big={big}&money={money}&power={power}&yes={yes}&list={list}'
  const query = new URLSearchParams(renderUrl(url, { data, defaults: {} }).target.slice(2))
  t.same(Object.fromEntries(query), {
    big: '12345678901234567890',
    money: '1.10',
    power: '1E2',
    yes: 'true',
    list: '[1.10,{"a":null}]',
  })
})

t.test('braces that hold no key stay', async (t) => {
  t.equal(target('http://r.example/?v={}&w={{a}}', { a: 'x' }), '/?v={}&w={x}')
})

t.test('macros in the path fill one segment and stay in it', async (t) => {
  t.equal(target('http://r.example/u/{a}/x', { a: 'b/c?d#e' }), '/u/b%2Fc%3Fd%23e/x')
  for (const a of ['..', '.']) {
    t.throws(() => target('http://r.example/u/{a}/x', { a }), /leave its folder/, a)
  }
  t.throws(() => target('http://r.example/u/.{a}/x', { a: '.' }), /leave its folder/)
  t.throws(() => target('http://r.example/u/%2e{a}/x', { a: '.' }), /leave its folder/)
  t.equal(target('http://r.example/u/../{a}', { a: 'x' }), '/x', 'the template itself may say ..')
  t.equal(target('http://r.example/?v={a}', { a: '..' }), '/?v=..')
})

t.test('macros never choose scheme, host or port', async (t) => {
  for (const template of [
    '{a}',
    '{a}://r.example/',
    'http://{a}/',
    'http://r.{a}.example/',
    'http://r.example:{a}/',
    'http://user:{a}@r.example/',
    'http://r.example{a}',
    'http:///{a}/x',
    'http:/{a}/x',
    'http:{a}/x',
    'http:\\\\{a}/x',
    'http://\t/{a}/x',
    'http://\\{a}/x',
    ' http://r.example/{a}',
    'ftp://r.example/{a}',
    'file:///etc/{a}',
    'http://r.example:99999/{a}',
  ]) {
    t.throws(() => target(template, { a: 'evil.example' }), { name: 'RenderError' }, JSON.stringify(template))
  }
})

t.test('credentials in the URL are refused', async (t) => {
  t.throws(() => target('http://user:secret@r.example/', {}), /credentials/)
})

t.test('a fragment is not sent', async (t) => {
  t.equal(target('http://r.example/a?b=c#d{e}', { e: 'f' }), '/a?b=c')
})

t.test('a template that comes again gives each delivery its own URL', async (t) => {
  const filled = (shop: string) => render('https://a.example/{shop}?x={shop}', { shop }).target
  t.same([filled('1'), filled('2')], ['/1?x=1', '/2?x=2'])
  const fixed = 'https://a.example/hook?x=1'
  t.same(render(fixed, { shop: '1' }), render(fixed, { shop: '2' }))
  for (const _ of [1, 2]) t.throws(() => render('https://user:secret@a.example/hook', {}), RenderError)
})
