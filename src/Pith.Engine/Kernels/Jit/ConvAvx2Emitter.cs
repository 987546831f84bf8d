using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>
/// Kernel <c>conv_u8s8s32_6x16c2_avx2</c>: the input of a pass over some blocks is widened to words once for all panels and multiplied with their weights, words too, as
/// <see cref="WordProducts"/> does. Weights are packed as [runs][RunBytes / 2][16][2] words.
/// </summary>
internal sealed class ConvAvx2Emitter(ConvKernelSpec spec) : ConvVexEmitter(spec)
{
    /// <summary>Scratch memory of a thread; a block must fit.</summary>
    public const int ScratchBytes = 512 << 10;

    // Blocks stay in the second-level cache, beside the weights of a panel.
    private const int BlockBytes = 128 << 10;

    // Longer segments are widened in a loop.
    private const int UnrolledChunks = 8;

    private readonly WordBlock _words = new(spec.Block, spec.Reduction);

    protected override int StepBytes => WordProducts.StepBytes;

    protected override ReductionShape Reduction => _words.Reduction;

    protected override int PassBlocks => Math.Max(1, BlockBytes / _words.Bytes);

    protected override void OpenPass() => ToScratch(() =>
        WindowLoop.Repeat(Asm, Row, Spec.Reduction.Rows, () =>
        {
            for (var row = 0; row < Spec.Block.Rows; row++)
                for (var segment = 0; segment < _words.Segments.Count; segment++)
                    Widen(row * Spec.Block.InputRow + _words.Segments[segment], (row * _words.Segments.Count + segment) * _words.SegmentBytes);
            Asm.add(Pixel, Spec.Reduction.RowBytes);
            Asm.add(Weight, _words.Reduction.RowBytes);
        }));

    // From the pixel's address to the weights', which is free here.
    private void Widen(int from, int to)
    {
        var (loops, rest) = _words.Chunks <= UnrolledChunks ? (0, _words.Chunks) : Math.DivRem(_words.Chunks, UnrolledChunks);
        if (loops > 0)
        {
            var top = Asm.CreateLabel();
            Asm.xor(eax, eax);
            Asm.Label(ref top);
            for (var i = 0; i < UnrolledChunks; i++)
            {
                Asm.vpmovzxbw(Ymm(i), __xmmword_ptr[Pixel + Column + (from + 16 * i)]);
                Asm.vmovdqu(__ymmword_ptr[Weight + Column * 2 + (to + VectorBytes * i)], Ymm(i));
            }
            Asm.add(Column, 16 * UnrolledChunks);
            Asm.cmp(Column, 16 * UnrolledChunks * loops);
            Asm.jne(top);
        }
        for (var i = loops * UnrolledChunks; i < loops * UnrolledChunks + rest; i++)
        {
            Asm.vpmovzxbw(Ymm(i % UnrolledChunks), __xmmword_ptr[Pixel + (from + 16 * i)]);
            Asm.vmovdqu(__ymmword_ptr[Weight + (to + VectorBytes * i)], Ymm(i % UnrolledChunks));
        }
    }

    protected override void OpenPanel() => Asm.mov(Input, Field<ConvKernelArgs>(rax, nameof(ConvKernelArgs.Scratch)));

    protected override void OpenBlock()
    {
        Asm.mov(Pixel, Input);
        Asm.add(Input, _words.Bytes);
    }

    protected override void Steps(int count) => new WordProducts(Asm, Vectors).Emit(count, Spec.Block.Pixels, _words.Input, Pixel, Weight);
}
