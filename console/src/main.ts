import 'quasar/dist/quasar.css'
import './styles.css'

import { createPinia } from 'pinia'
import { Notify, Quasar } from 'quasar'
import icons from 'quasar/icon-set/svg-material-symbols-rounded.js'
import { createApp } from 'vue'

import App from './App.vue'
import { i18n } from './i18n'
import { router } from './router'

createApp(App).use(createPinia()).use(i18n).use(router).use(Quasar, { iconSet: icons, plugins: { Notify } }).mount('#app')
