// The four roles. What each may do: access.ts.
export const ROLES = ['user', 'operator', 'auditor', 'producer'] as const;
export type Role = (typeof ROLES)[number];

export const isRole = (name: unknown): name is Role => ROLES.some((role) => role === name);
