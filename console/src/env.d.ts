/// <reference types="vite/client" />
import 'quasar/dist/types/index.d.ts'
