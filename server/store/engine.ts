/** The two databases the store runs on. Where they differ, they differ in this room only. */
export type Engine = 'sqlite' | 'postgres'
