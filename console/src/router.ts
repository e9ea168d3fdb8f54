import { createRouter, createWebHistory, type RouteLocationNormalized, type RouteLocationNormalizedLoaded } from 'vue-router'

import { places } from './lib/nav'
import { useSessionStore } from './stores/session'

/** Pages that anybody may see; all others ask who it is first. */
const open = new Set(['sign-in', 'welcome', 'lost'])

/** Pages of the console; each is loaded when it is visited. */
export const router = createRouter({
  history: createWebHistory(import.meta.env.BASE_URL),
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? undefined : { top: 0 }),
  routes: [
    { path: '/', name: 'overview', meta: { may: 'usage:read' }, component: () => import('./pages/OverviewPage.vue') },
    { path: '/usage', name: 'usage', meta: { may: 'usage:read' }, component: () => import('./pages/UsagePage.vue') },
    { path: '/requests', name: 'requests', meta: { may: 'usage:read' }, component: () => import('./pages/RequestsPage.vue') },
    { path: '/requests/:id', name: 'request', meta: { may: 'usage:read' }, component: () => import('./pages/RequestPage.vue') },
    { path: '/conversations', name: 'conversations', meta: { may: 'usage:read' }, component: () => import('./pages/ConversationsPage.vue') },
    { path: '/conversations/:id', name: 'conversation', meta: { may: 'usage:read' }, component: () => import('./pages/ConversationPage.vue') },
    // Bookmarks of before: they were called sessions.
    { path: '/sessions', redirect: (to) => ({ path: '/conversations', query: to.query }) },
    { path: '/sessions/:id', redirect: (to) => ({ path: `/conversations/${encodeURIComponent(String(to.params.id))}`, query: to.query }) },
    { path: '/playground', name: 'playground', meta: { may: 'keys:write' }, component: () => import('./pages/PlaygroundPage.vue') },
    { path: '/keys', name: 'keys', meta: { may: 'keys:read' }, component: () => import('./pages/KeysPage.vue') },
    { path: '/keys/:id', name: 'key', meta: { may: 'keys:read' }, component: () => import('./pages/KeyPage.vue') },
    { path: '/teams', name: 'teams', meta: { may: 'teams:read' }, component: () => import('./pages/ScopesPage.vue'), props: { kind: 'team' } },
    { path: '/teams/:id', name: 'team', meta: { may: 'teams:read' }, component: () => import('./pages/ScopePage.vue'), props: { kind: 'team' } },
    { path: '/users', name: 'users', meta: { may: 'teams:read' }, component: () => import('./pages/ScopesPage.vue'), props: { kind: 'user' } },
    { path: '/users/:id', name: 'user', meta: { may: 'teams:read' }, component: () => import('./pages/ScopePage.vue'), props: { kind: 'user' } },
    { path: '/providers', name: 'providers', meta: { may: 'providers:read' }, component: () => import('./pages/ProvidersPage.vue') },
    { path: '/providers/:id', name: 'provider', meta: { may: 'providers:read' }, component: () => import('./pages/ProviderPage.vue') },
    { path: '/models', name: 'models', meta: { may: 'models:read' }, component: () => import('./pages/ModelsPage.vue') },
    { path: '/prices', name: 'prices', meta: { may: 'models:read' }, component: () => import('./pages/PricesPage.vue') },
    { path: '/alerts', name: 'alerts', meta: { may: 'monitor:read' }, component: () => import('./pages/AlertsPage.vue') },
    { path: '/settings', name: 'settings', meta: { may: 'settings:read' }, component: () => import('./pages/SettingsPage.vue') },
    { path: '/about', name: 'about', meta: { may: 'monitor:read' }, component: () => import('./pages/AboutPage.vue') },
    { path: '/accounts', name: 'accounts', meta: { may: 'accounts:read' }, component: () => import('./pages/AccountsPage.vue') },
    { path: '/accounts/:id', name: 'account', meta: { may: 'accounts:read' }, component: () => import('./pages/AccountPage.vue') },
    { path: '/groups', name: 'mappings', meta: { may: 'accounts:read' }, component: () => import('./pages/GroupsPage.vue') },
    { path: '/services', name: 'services', meta: { may: 'accounts:read' }, component: () => import('./pages/ServicesPage.vue') },
    { path: '/audit', name: 'audit', meta: { may: 'audit:read' }, component: () => import('./pages/AuditPage.vue') },
    { path: '/my/keys', name: 'my-keys', meta: { may: 'own' }, component: () => import('./pages/MyKeysPage.vue') },
    { path: '/my/usage', name: 'my-usage', meta: { may: 'own' }, component: () => import('./pages/MyUsagePage.vue') },
    { path: '/my/connect', name: 'my-connect', meta: { may: 'own' }, component: () => import('./pages/MyConnectPage.vue') },
    { path: '/my/account', name: 'my-account', meta: { may: 'self' }, component: () => import('./pages/MyAccountPage.vue') },
    { path: '/setup', name: 'setup', meta: { may: 'providers:write' }, component: () => import('./pages/SetupPage.vue') },
    { path: '/welcome', name: 'welcome', component: () => import('./pages/WelcomePage.vue') },
    { path: '/sign-in', alias: '/login', name: 'sign-in', component: () => import('./pages/SignInPage.vue') },
    { path: '/:rest(.*)*', name: 'lost', component: () => import('./pages/LostPage.vue') },
  ],
})

/** Whether who is signed in may see a page; pages say what they need. */
export function mayEnter(to: RouteLocationNormalizedLoaded | RouteLocationNormalized): boolean {
  return useSessionStore().may(String(to.meta.may ?? ''))
}

router.beforeEach(async (to) => {
  const session = useSessionStore()
  if (!session.signedIn && !open.has(String(to.name)) && !(await session.resume())) {
    return { name: 'sign-in', query: to.fullPath === '/' ? {} : { next: to.fullPath } }
  }
  // Who has no overview begins at the first page that is theirs.
  if (to.name === 'overview' && !mayEnter(to)) return places.flatMap((group) => group.places).find((place) => session.may(place.may))?.path ?? true
  return true
})
