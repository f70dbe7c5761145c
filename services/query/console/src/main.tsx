import '@fontsource-variable/inter/wght.css'
import 'uplot/dist/uPlot.min.css'
import '../styles/tokens.css'
import '../styles/base.css'
import '../styles/shell.css'
import '../styles/parts.css'
import '../styles/views.css'
import { render } from 'preact'
import { App } from './app.tsx'
import { applyTheme, readTheme } from './theme.ts'

applyTheme(readTheme())
const root = document.getElementById('app')
if (root !== null) render(<App />, root)
