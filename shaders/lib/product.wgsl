// One tile of a matrix product, c(m, n) = sum_k a(m, k) * b(k, n): a workgroup makes BM x BN elements, k runs in slabs
// of BK through workgroup memory. Where the lines `//each i < N ... //end` stand, src/ops/product.ts writes what is
// between them N times, with {i} = 0, 1, ...: registers have no index.
//
// Why it is built so, for 128x128x16/8x8 (256 invocations, 16 KiB):
//
//   registers   4 RQ x 4 CQ sums (64), a column of a and a row of b (16), the next slab's piece (16): about 110, which
//               lets an SM of 64K registers hold two workgroups, one computing while the other waits.
//   reuse       a k takes 4 loads of 16 bytes and 64 multiply-adds. 32 neighbours stand 8 wide and 4 high, so they
//               read 128 bytes of b and 64 of a, the rest is broadcast: 3/8 of what workgroup memory could give.
//   memory      an invocation fetches one 4 x 4 piece of a slab, four vec4 along the way the matrix lies, turns it in
//               registers where k is that way, and stores four vec4 along m (or n): 8 neighbours store 128 bytes, without
//               bank conflicts, and fetch whole sectors of 32 bytes at least. The next slab is on its way during the sums.
//   no loop     over k within a slab: a loop costs the test that WebGPU adds against endless ones, and an index that may run
//               costs a clamp. The smallest tile, which is for small products, is written out 2 deep instead of 16.
//   edges       rows and columns beyond the end repeat the last one and are never stored: no test in the loop. Only a
//               slab that k leaves half empty is masked, because memory beyond it may hold anything.
//
// k goes up serially, whatever the tile, and fma leaves a compiler no choice of what to fuse: all tiles give the same bits,
// where fma itself is always the same.
//
// The shader that includes this file says what a, b and c are, in quads, four neighbours in memory:
// a_quad(slow, fast) and b_quad(slow, fast), where k is fast if the product says so, else m or n; and
// c_put(m, n, sums) of row m, columns n ... n + 3.

struct Product {
  m_end: u32,
  n_end: u32,
  k_begin: u32,
  k_end: u32,
  a_along_k: bool,  // whether neighbours in k are neighbours in memory
  b_along_k: bool,
}

const X = BN / (4 * CQ);  // invocations side by side, a multiple of 8
const Y = BM / (4 * RQ);  // and above each other, a multiple of 4
const WORKERS = X * Y;
const A_PIECES = BM / 4 * (BK / 4);  // the first invocations fetch a, the next ones b
const B_PIECES = BN / 4 * (BK / 4);

var<workgroup> a_tile: array<array<array<vec4f, BM / 4>, BK>, BUFFERS>;  // [k, m]
var<workgroup> b_tile: array<array<array<vec4f, BN / 4>, BK>, BUFFERS>;  // [k, n]

// The tile whose first element is (m0, n0); nothing where it lies beyond m_end.
fn multiply(product: Product, m0: u32, n0: u32, worker: u32) {
  if (m0 >= product.m_end) {
    return;
  }
  let x = worker % 8 + worker / 32 % (X / 8) * 8;
  let y = worker / 8 % 4 + worker / (4 * X) * 4;
  //each g < RQ
  //each i < 4
  //each h < CQ
  var s{g}{i}{h} = vec4f();
  //end
  //end
  //end
  //each j < SQUARES
  var squares{j} = vec4f();
  var recent{j} = vec4f();  // of the last 64 k at most: a long serial sum would lose digits
  //end

  var buffer = 0u;
  var piece = mat4x4f();
  //each n < AHEAD
  if (product.k_begin < product.k_end) {
    piece = fetch(product, m0, n0, product.k_begin, worker);
  }
  //end
  for (var k0 = product.k_begin; k0 < product.k_end; k0 += BK) {
    //each n < NOT_AHEAD
    piece = fetch(product, m0, n0, k0, worker);
    //end
    //each n < NORM
    let half = fma(piece[1], piece[1], piece[0] * piece[0]);
    let own = fma(piece[3], piece[3], fma(piece[2], piece[2], half));
    //end
    //each j < SQUARES
    recent{j} += select(vec4f(), own, k0 / BK % (16 / BK) == {j});
    if ((k0 + BK) % 64 == 0) {
      squares{j} += recent{j};
      recent{j} = vec4f();
    }
    //end
    keep(buffer, piece, worker);
    workgroupBarrier();
    //each n < AHEAD
    if (k0 + BK < product.k_end) {
      piece = fetch(product, m0, n0, k0 + BK, worker);
    }
    //end
    //each n < ROLLED
    for (var k = 0u; k < BK; k += UNROLL) {
    //end
    //each n < FLAT
    {
      const k = 0u;
    //end
      //each j < UNROLL
      {
        //each g < RQ
        let a{g} = a_tile[buffer][k + {j}][y + {g} * Y];
        //end
        //each h < CQ
        let b{h} = b_tile[buffer][k + {j}][x + {h} * X];
        //end
        //each g < RQ
        //each i < 4
        //each h < CQ
        s{g}{i}{h} = fma(vec4f(a{g}[{i}]), b{h}, s{g}{i}{h});
        //end
        //end
        //end
      }
      //end
    }
    // With two buffers the next slab goes where nobody reads any more.
    if (BUFFERS == 1) {
      workgroupBarrier();
    } else {
      buffer = 1 - buffer;
    }
  }

  //each n < NORM
  if (BUFFERS == 2) {
    workgroupBarrier();  // others may still be at the last slab
  }
  //end
  //each j < SQUARES
  share_squares({j}, squares{j} + recent{j}, worker);
  //end
  //each n < NORM
  workgroupBarrier();
  //end
  //each g < RQ
  {
    let m = m0 + 4 * (y + {g} * Y);
    //each n < NORM
    let scales = row_scales(y + {g} * Y);
    //end
    //each i < 4
    if (m + {i} < product.m_end) {
      //each h < CQ
      if (n0 + 4 * (x + {h} * X) < product.n_end) {
        //each n < NORM
        s{g}{i}{h} *= scales[{i}];
        //end
        c_put(m + {i}, n0 + 4 * (x + {h} * X), s{g}{i}{h});
      }
      //end
    }
    //end
  }
  //end
}

// This invocation's piece of the slab at k0; column j is k + j, four rows of a or columns of b.
fn fetch(product: Product, m0: u32, n0: u32, k0: u32, worker: u32) -> mat4x4f {
  var piece = mat4x4f();
  var k = k0;
  if (worker < A_PIECES) {
    k += worker / (BM / 4) * 4;
    piece = a_piece(product, m0 + worker % (BM / 4) * 4, k);
  } else if (worker < A_PIECES + B_PIECES) {
    let place = worker - A_PIECES;
    k += place / (BN / 4) * 4;
    piece = b_piece(product, n0 + place % (BN / 4) * 4, k);
  }
  if (k0 + BK > product.k_end) {
    //each j < 4
    piece[{j}] = select(vec4f(), piece[{j}], k + {j} < product.k_end);
    //end
  }
  return piece;
}

fn a_piece(product: Product, m: u32, k: u32) -> mat4x4f {
  let along = product.a_along_k;
  let last_slow = select(product.k_end, product.m_end, along) - 1;
  let last_fast = (select(product.m_end, product.k_end, along) - 1) / 4 * 4;
  let slow = select(k, m, along);
  let fast = min(select(m, k, along), last_fast);
  let piece = mat4x4f(
    //each j < 4
    a_quad(min(slow + {j}, last_slow), fast),
    //end
  );
  if (along) {
    return transpose(piece);
  }
  return piece;
}

fn b_piece(product: Product, n: u32, k: u32) -> mat4x4f {
  let along = product.b_along_k;
  let last_slow = select(product.k_end, product.n_end, along) - 1;
  let last_fast = (select(product.n_end, product.k_end, along) - 1) / 4 * 4;
  let slow = select(k, n, along);
  let fast = min(select(n, k, along), last_fast);
  let piece = mat4x4f(
    //each j < 4
    b_quad(min(slow + {j}, last_slow), fast),
    //end
  );
  if (along) {
    return transpose(piece);
  }
  return piece;
}

fn keep(buffer: u32, piece: mat4x4f, worker: u32) {
  if (worker < A_PIECES) {
    let k = worker / (BM / 4) * 4;
    //each j < 4
    a_tile[buffer][k + {j}][worker % (BM / 4)] = piece[{j}];
    //end
  } else if (worker < A_PIECES + B_PIECES) {
    let place = worker - A_PIECES;
    let k = place / (BN / 4) * 4;
    //each j < 4
    b_tile[buffer][k + {j}][place % (BN / 4)] = piece[{j}];
    //end
  }
}
