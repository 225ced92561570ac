import '@mantine/core/styles.css'
import { MantineProvider } from '@mantine/core'
import { QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { queries } from './api.ts'
import { Pages } from './pages.tsx'
import { Shell } from './shell/shell.tsx'
import { readableColors, theme } from './theme.ts'
import './page.css'

const root = document.getElementById('root')
if (root) {
  createRoot(root).render(
    <StrictMode>
      <MantineProvider
        theme={theme}
        cssVariablesResolver={readableColors}
        defaultColorScheme="auto"
      >
        <QueryClientProvider client={queries}>
          <Shell>
            <Pages />
          </Shell>
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  )
}
