/** The ways of compressing that are supported. */
export type Compression = 'xz' | 'gzip' | 'bzip2' | 'zstd' | 'lzip'
