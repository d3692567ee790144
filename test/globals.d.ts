declare const PROJECT_ROOT: string
