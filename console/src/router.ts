import { createRouter, createWebHistory } from 'vue-router'

import HomePage from './pages/HomePage.vue'

/** Pages of the console; all but the first are loaded when they are visited. */
export const router = createRouter({
  history: createWebHistory(import.meta.env.BASE_URL),
  routes: [
    { path: '/', component: HomePage },
    { path: '/:rest(.*)*', component: () => import('./pages/LostPage.vue') },
  ],
})
