export type Compression = 'xz' | 'gzip' | 'bzip2' | 'zstd' | 'lzip'
