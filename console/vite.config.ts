import { quasar, transformAssetUrls } from '@quasar/vite-plugin'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'

// `npm run dev` serves the page itself and asks a running gateway for the rest.
const gateway = 'http://127.0.0.1:8080'

export default defineConfig({
  base: '/ui/',
  plugins: [vue({ template: { transformAssetUrls } }), quasar()],
  build: {
    // The gateway's Content-Security-Policy is "default-src 'self'": no data: URLs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  define: {
    __VUE_I18N_LEGACY_API__: false,
    __VUE_I18N_FULL_INSTALL__: false,
    __INTLIFY_PROD_DEVTOOLS__: false,
  },
  server: {
    proxy: Object.fromEntries(['/v1', '/v1beta', '/model', '/admin', '/auth', '/health', '/metrics'].map((path) => [path, gateway])),
  },
  test: {
    environment: 'node',
    include: ['src/**/*.test.ts'],
  },
})
