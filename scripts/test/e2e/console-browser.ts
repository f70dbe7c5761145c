import { type Browser, chromium, type Page } from 'playwright-core'
import type { Test } from 'tap'

/** The browser that the runner has found. */
export async function openBrowser(t: Test): Promise<Browser> {
  const executablePath = process.env.CHROMIUM_PATH
  if (!executablePath) throw new Error('CHROMIUM_PATH is not set: run this through scripts/run-tests.ts e2e')
  const browser = await chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
    ],
  })
  t.teardown(() => browser.close())
  return browser
}

/** On the page that asks for a key. */
export async function signIn(page: Page, key: string): Promise<void> {
  await page.getByLabel('API key').fill(key)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('heading', { name: 'Live traffic' }).waitFor()
}
