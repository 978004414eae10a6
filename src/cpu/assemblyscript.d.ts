// build/wasm-plugin.ts gives these modules: the compiled kernels as hexadecimal text.

declare module '*?assemblyscript' {
  const hex: string;
  export default hex;
}

declare module '*?assemblyscript&relaxed' {
  const hex: string;
  export default hex;
}
