// The rows first ... end - 1 of one of `parts` parts, as even as 4 divides them; the last ones may have none.
fn part_of(rows: u32, part: u32, parts: u32) -> vec2u {
  let length = (rows + 4 * parts - 1) / (4 * parts) * 4;
  return min(vec2u(part, part + 1) * length, vec2u(rows));
}
