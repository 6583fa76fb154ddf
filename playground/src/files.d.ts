declare module "*.arch" {
  const text: string;
  export default text;
}
