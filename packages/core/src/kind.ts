export const databaseKinds = ["postgres", "redis", "neo4j", "qdrant", "chromadb", "faiss"] as const;
export type DatabaseKind = (typeof databaseKinds)[number];
