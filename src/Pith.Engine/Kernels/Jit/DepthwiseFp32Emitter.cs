using Iced.Intel;
using System.Runtime.InteropServices;
using Pith.Building;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>Everything that the code of a float depthwise convolution depends on.</summary>
/// <param name="Channels">Channels of the only vector, 1 to 16.</param>
/// <param name="Block">The output pixels; distances in bytes of floats.</param>
/// <param name="Window">The taps. Padding is where the input points to.</param>
/// <param name="RowBytes">Bytes from row to row of the input.</param>
/// <param name="PixelBytes">Bytes from column to column of the input.</param>
/// <param name="Epilogue">What follows.</param>
internal sealed record DepthwiseFp32Spec(int Channels, PixelBlock Block, Window Window, int RowBytes, int PixelBytes, EpilogueFp32Spec Epilogue)
{
    public PanelShape Panel => new(1, Channels, true);
}

/// <summary>
/// Kernel <c>depthwise_f32_RxPx16_avx512</c>: the sums of a block of R rows by P columns for 16 channels stay in registers; each input of the block is loaded once and multiplied with the taps of all
/// outputs that it is under. All channels of a block before the next block. Each output is one chain of fused multiply-adds over the taps, starting at the bias, whatever the block. Weights are packed
/// as [vectors of channels][taps][16], biases as [vectors][16].
/// </summary>
internal sealed class DepthwiseFp32Emitter(DepthwiseFp32Spec spec) : KernelEmitter
{
    private const int Registers = 32, VectorBytes = PanelShape.Lanes * sizeof(float), InputRegisters = 3;

    private static readonly AssemblerRegister64 s_blocks = rsi, s_blockCount = rcx, s_vectors = rax, s_shared = r9;
    private static readonly AssemblerRegister64 s_pixel = r12, s_weights = r13, s_output = r14, s_residual = r15, s_bias = r8;

    private int Pixels => spec.Block.Pixels;

    /// <summary>The most columns of a block of some rows: besides the sums, registers hold a row of weights for each row of the block, and inputs.</summary>
    public static int LargestBlock(int rows, Window window, EpilogueFp32Spec epilogue) => (Registers - Math.Max(rows * window.KernelWidth + InputRegisters, epilogue.Temporaries)) / rows;

    protected override void Body()
    {
        var epilogue = new EpilogueFp32Emitter(Asm, spec.Epilogue, spec.Panel, s_output, s_residual, s_shared);
        epilogue.LoadMask();
        Asm.mov(s_blocks, Argument(nameof(ConvKernelArgs.Blocks)));
        Asm.mov(s_blockCount, Argument(nameof(ConvKernelArgs.BlockCount)));
        Asm.mov(s_shared, Argument(nameof(ConvKernelArgs.Shared)));
        var (block, vector) = (Asm.CreateLabel(), Asm.CreateLabel());
        Asm.Label(ref block);
        Open(s_pixel, nameof(BlockOffsets.Input), nameof(ConvKernelArgs.Input));
        Open(s_output, nameof(BlockOffsets.Output), nameof(ConvKernelArgs.Output));
        Open(s_residual, nameof(BlockOffsets.Residual), nameof(ConvKernelArgs.Residual));
        Asm.mov(s_weights, Argument(nameof(ConvKernelArgs.Weights)));
        Asm.mov(s_bias, Argument(nameof(ConvKernelArgs.Panel)));
        Asm.mov(s_vectors, Argument(nameof(ConvKernelArgs.PanelCount)));
        Asm.Label(ref vector);
        Sums();
        var free = Enumerable.Range(Pixels, Registers - Pixels).ToArray();
        for (var p = 0; p < Pixels; p++) epilogue.Finish(p, 0, spec.Block.Output(p), spec.Block.Residual(p), free);
        foreach (var operand in (AssemblerRegister64[])[s_pixel, s_output, s_residual, s_bias]) Asm.add(operand, VectorBytes);
        Asm.add(s_weights, spec.Window.Taps * VectorBytes);
        Asm.dec(s_vectors);
        Asm.jne(vector);
        Asm.add(s_blocks, Marshal.SizeOf<BlockOffsets>());
        Asm.dec(s_blockCount);
        Asm.jne(block);
    }

    private static AssemblerMemoryOperand Argument(string field) => Field<ConvKernelArgs>(Args, field);

    private void Open(AssemblerRegister64 register, string offset, string operand)
    {
        Asm.mov(register, Field<BlockOffsets>(s_blocks, offset));
        Asm.add(register, Argument(operand));
    }

    // Input by input, row after row: so the taps of each output come in their order.
    private void Sums()
    {
        var (window, block) = (spec.Window, spec.Block);
        for (var p = 0; p < Pixels; p++)
        {
            if (p == 0) Asm.vmovups(Zmm(0), __zmmword_ptr[s_bias]);
            else Asm.vmovaps(Zmm(p), Zmm(0));
        }
        var firstInput = Pixels + block.Rows * window.KernelWidth;
        var loaded = 0;
        foreach (var row in Inputs(block.Rows, window.StrideHeight, window.KernelHeight, window.DilationHeight))
        {
            for (var i = 0; i < row.Uses.Count; i++)
                for (var s = 0; s < window.KernelWidth; s++) Asm.vmovups(Weight(i, s), __zmmword_ptr[s_weights + (row.Uses[i].Tap * window.KernelWidth + s) * VectorBytes]);
            foreach (var column in Inputs(block.Columns, window.StrideWidth, window.KernelWidth, window.DilationWidth))
            {
                var input = Zmm(firstInput + loaded++ % (Registers - firstInput));
                Asm.vmovups(input, __zmmword_ptr[s_pixel + (row.At * spec.RowBytes + column.At * spec.PixelBytes)]);
                for (var i = 0; i < row.Uses.Count; i++)
                    foreach (var (x, s) in column.Uses) Asm.vfmadd231ps(Zmm(row.Uses[i].Output * block.Columns + x), input, Weight(i, s));
            }
        }

        // Weights of the taps' row that belongs to the i-th of the output rows.
        AssemblerRegisterZMM Weight(int i, int s) => Zmm(Pixels + i * window.KernelWidth + s);
    }

    // Along one axis: the inputs that lie under any of some outputs' taps, in order, with these outputs and taps.
    private static IEnumerable<(int At, IReadOnlyList<(int Output, int Tap)> Uses)> Inputs(int outputs, int stride, int taps, int dilation) =>
        from output in Enumerable.Range(0, outputs)
        from tap in Enumerable.Range(0, taps)
        group (output, tap) by output * stride + tap * dilation into uses
        orderby uses.Key
        select (uses.Key, (IReadOnlyList<(int, int)>)[.. uses]);
}
