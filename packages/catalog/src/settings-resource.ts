import { type Static, Type } from 'typebox'

/** What holds for a whole tenant. */
export const TenantSettings = Type.Object(
  {
    unknownEventTypes: Type.Enum(['accept', 'refuse'], {
      description: 'What becomes of events whose type is not in the catalog: accept (the default) or refuse.',
    }),
  },
  { additionalProperties: false },
)
export type TenantSettings = Static<typeof TenantSettings>

export const defaultTenantSettings: TenantSettings = { unknownEventTypes: 'accept' }

/** A tenant has one resource of this kind; its name says so. */
export const tenantSettingsName = 'settings'
