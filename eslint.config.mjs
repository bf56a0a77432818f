import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

export default defineConfig(
  {
    ignores: [
      "node_modules/",
      ".fleet/",
      ".pulumi-state/",
      "providers/local/releases/",
      "test/tools/",
      "**/*.cjs",
    ],
  },
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: ["eslint.config.mjs"] } } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true },
      ],
      "@typescript-eslint/no-unnecessary-condition": ["error", { allowConstantLoopConditions: true }],
      // mocha's `this` carries time limits; its callbacks are functions on purpose.
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "no-restricted-syntax": [
        "error",
        {
          selector: "TSEnumDeclaration",
          message: "Use a union of string literals: it is what a stack file holds.",
        },
      ],
    },
  },
  {
    // They run as one bundled file each, whose folder is another one: toolchain/typescript.cjs.
    files: ["{cli,components,config,plan,platforms,providers,toolchain}/**/*.ts", "plugins/build.ts"],
    ignores: ["config/generate/**", "toolchain/locations.ts"],
    rules: {
      "no-restricted-globals": [
        "error",
        ...["__dirname", "__filename"].map((name) => ({ name, message: "Use PROJECT_DIR." })),
      ],
    },
  },
  {
    files: ["test/**/*.ts", "bench/**/*.ts"],
    rules: {
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/no-unused-expressions": "off",
    },
  },
);
