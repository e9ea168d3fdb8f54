import { createRouter, createWebHistory } from 'vue-router'

import { useSessionStore } from './stores/session'

/** Pages that anybody may see; all others ask who it is first. */
const open = new Set(['sign-in', 'welcome', 'lost'])

/** Pages of the console; each is loaded when it is visited. */
export const router = createRouter({
  history: createWebHistory(import.meta.env.BASE_URL),
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? undefined : { top: 0 }),
  routes: [
    { path: '/', name: 'overview', component: () => import('./pages/OverviewPage.vue') },
    { path: '/usage', name: 'usage', component: () => import('./pages/UsagePage.vue') },
    { path: '/requests', name: 'requests', component: () => import('./pages/RequestsPage.vue') },
    { path: '/requests/:id', name: 'request', component: () => import('./pages/RequestPage.vue') },
    { path: '/sessions', name: 'sessions', component: () => import('./pages/SessionsPage.vue') },
    { path: '/sessions/:id', name: 'session', component: () => import('./pages/SessionPage.vue') },
    { path: '/playground', name: 'playground', component: () => import('./pages/PlaygroundPage.vue') },
    { path: '/keys', name: 'keys', component: () => import('./pages/KeysPage.vue') },
    { path: '/keys/:id', name: 'key', component: () => import('./pages/KeyPage.vue') },
    { path: '/teams', name: 'teams', component: () => import('./pages/ScopesPage.vue'), props: { kind: 'team' } },
    { path: '/teams/:id', name: 'team', component: () => import('./pages/ScopePage.vue'), props: { kind: 'team' } },
    { path: '/users', name: 'users', component: () => import('./pages/ScopesPage.vue'), props: { kind: 'user' } },
    { path: '/users/:id', name: 'user', component: () => import('./pages/ScopePage.vue'), props: { kind: 'user' } },
    { path: '/providers', name: 'providers', component: () => import('./pages/ProvidersPage.vue') },
    { path: '/providers/:id', name: 'provider', component: () => import('./pages/ProviderPage.vue') },
    { path: '/models', name: 'models', component: () => import('./pages/ModelsPage.vue') },
    { path: '/prices', name: 'prices', component: () => import('./pages/PricesPage.vue') },
    { path: '/alerts', name: 'alerts', component: () => import('./pages/AlertsPage.vue') },
    { path: '/settings', name: 'settings', component: () => import('./pages/SettingsPage.vue') },
    { path: '/about', name: 'about', component: () => import('./pages/AboutPage.vue') },
    { path: '/setup', name: 'setup', component: () => import('./pages/SetupPage.vue') },
    { path: '/welcome', name: 'welcome', component: () => import('./pages/WelcomePage.vue') },
    { path: '/sign-in', alias: '/login', name: 'sign-in', component: () => import('./pages/SignInPage.vue') },
    { path: '/:rest(.*)*', name: 'lost', component: () => import('./pages/LostPage.vue') },
  ],
})

router.beforeEach(async (to) => {
  const session = useSessionStore()
  if (session.signedIn || open.has(String(to.name))) return true
  if (await session.resume()) return true
  return { name: 'sign-in', query: to.fullPath === '/' ? {} : { next: to.fullPath } }
})
