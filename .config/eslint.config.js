import js from '@eslint/js'
import { defineConfig, globalIgnores } from 'eslint/config'
import tseslint from 'typescript-eslint'
import { arrows } from './eslint-arrows.js'

const useTheClock = 'Time comes from the Clock (src/clock.ts).'
const timers = ['setTimeout', 'setInterval', 'setImmediate', 'performance']

/** No default exports; what another rule bans beside them is added to this list. */
const noDefaultExports = [
  { selector: 'ExportDefaultDeclaration', message: 'No default exports.' },
  { selector: 'ExportSpecifier[exported.name="default"]', message: 'No default exports.' },
]

/**
 * Time and chance come in through src/clock.ts and the composition root only.
 * `new Date(ms)` and `Date.parse(text)` read no clock and stay allowed.
 * @type {import('eslint').Linter.RulesRecord}
 */
const timeAndChance = {
  'no-restricted-globals': ['error', ...timers.map((name) => ({ name, message: useTheClock }))],
  'no-restricted-properties': [
    'error',
    { object: 'Math', property: 'random', message: 'Chance is injected.' },
    { object: 'Date', property: 'now', message: useTheClock },
    { object: 'process', property: 'hrtime', message: useTheClock },
    ...timers.map((property) => ({ object: 'globalThis', property, message: useTheClock })),
  ],
  'no-restricted-imports': [
    'error',
    ...['node:timers', 'node:timers/promises', 'node:perf_hooks'].map((name) => ({
      name,
      message: useTheClock,
    })),
  ],
  'no-restricted-syntax': [
    'error',
    ...noDefaultExports,
    { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: useTheClock },
    { selector: 'CallExpression[callee.name="Date"]', message: useTheClock },
  ],
}

export default defineConfig(
  globalIgnores(['dist/', 'coverage/', 'node_modules/']),
  {
    linterOptions: { reportUnusedDisableDirectives: 'error' },
  },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname + '/..' },
    },
    rules: {
      eqeqeq: 'error',
      'no-undef': 'off', // the compiler's business
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'separate-type-imports', disallowTypeAnnotations: false },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrorsIgnorePattern: '^_' },
      ],
      '@typescript-eslint/unbound-method': 'off', // false alarms on interfaces of bare functions
      '@typescript-eslint/dot-notation': 'off',
    },
  },
  {
    files: ['src/**/*.ts'],
    plugins: { evenkeel: { rules: { arrows } } },
    rules: {
      'evenkeel/arrows': 'error',
      'max-lines': ['error', { max: 320, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 80, skipBlankLines: true, skipComments: true }],
      'no-restricted-syntax': ['error', ...noDefaultExports],
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/clock.ts', 'src/balancer.ts', 'src/turn.ts', 'src/testing/**'],
    rules: timeAndChance,
  },
  {
    // Tests stub, poke and provoke.
    files: ['test/**/*.{ts,mjs}', 'examples/**/*.{ts,mjs}'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
    },
  },
  {
    files: ['**/*.{js,mjs}'],
    extends: [tseslint.configs.disableTypeChecked],
    rules: { '@typescript-eslint/no-explicit-any': 'off' },
  },
)
