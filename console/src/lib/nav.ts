import {
  symRoundedAccountCircle,
  symRoundedBadge,
  symRoundedBarChart,
  symRoundedDataUsage,
  symRoundedDns,
  symRoundedForum,
  symRoundedGroup,
  symRoundedGroups,
  symRoundedInfo,
  symRoundedKey,
  symRoundedHistory,
  symRoundedIntegrationInstructions,
  symRoundedListAlt,
  symRoundedManageAccounts,
  symRoundedModelTraining,
  symRoundedNotifications,
  symRoundedPayments,
  symRoundedSettings,
  symRoundedSmartToy,
  symRoundedSpaceDashboard,
  symRoundedTimeline,
  symRoundedVpnKey,
} from '@quasar/extras/material-symbols-rounded'

/** A page of the navigation, and what one must be allowed to see it. */
export interface Place {
  name: string
  path: string
  icon: string
  may: string
}

/** The navigation, in groups. */
export const places: { group: string; places: Place[] }[] = [
  {
    group: 'see',
    places: [
      { name: 'overview', path: '/', icon: symRoundedSpaceDashboard, may: 'usage:read' },
      { name: 'usage', path: '/usage', icon: symRoundedBarChart, may: 'usage:read' },
      { name: 'requests', path: '/requests', icon: symRoundedListAlt, may: 'usage:read' },
      { name: 'conversations', path: '/conversations', icon: symRoundedTimeline, may: 'usage:read' },
      { name: 'playground', path: '/playground', icon: symRoundedForum, may: 'keys:write' },
    ],
  },
  {
    group: 'people',
    places: [
      { name: 'keys', path: '/keys', icon: symRoundedKey, may: 'keys:read' },
      { name: 'teams', path: '/teams', icon: symRoundedGroups, may: 'teams:read' },
      { name: 'users', path: '/users', icon: symRoundedGroup, may: 'teams:read' },
      { name: 'accounts', path: '/accounts', icon: symRoundedManageAccounts, may: 'accounts:read' },
      { name: 'mappings', path: '/groups', icon: symRoundedBadge, may: 'accounts:read' },
      { name: 'services', path: '/services', icon: symRoundedSmartToy, may: 'accounts:read' },
    ],
  },
  {
    group: 'supply',
    places: [
      { name: 'providers', path: '/providers', icon: symRoundedDns, may: 'providers:read' },
      { name: 'models', path: '/models', icon: symRoundedModelTraining, may: 'models:read' },
      { name: 'prices', path: '/prices', icon: symRoundedPayments, may: 'models:read' },
    ],
  },
  {
    group: 'run',
    places: [
      { name: 'alerts', path: '/alerts', icon: symRoundedNotifications, may: 'monitor:read' },
      { name: 'audit', path: '/audit', icon: symRoundedHistory, may: 'audit:read' },
      { name: 'settings', path: '/settings', icon: symRoundedSettings, may: 'settings:read' },
      { name: 'about', path: '/about', icon: symRoundedInfo, may: 'monitor:read' },
    ],
  },
  {
    group: 'mine',
    places: [
      { name: 'my-keys', path: '/my/keys', icon: symRoundedVpnKey, may: 'own' },
      { name: 'my-usage', path: '/my/usage', icon: symRoundedDataUsage, may: 'own' },
      { name: 'my-connect', path: '/my/connect', icon: symRoundedIntegrationInstructions, may: 'own' },
      { name: 'my-account', path: '/my/account', icon: symRoundedAccountCircle, may: 'self' },
    ],
  },
]
