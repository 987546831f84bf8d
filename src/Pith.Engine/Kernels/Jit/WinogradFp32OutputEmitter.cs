using System.Runtime.InteropServices;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>Everything that the code of a float output transform depends on.</summary>
/// <param name="Points">The transform.</param>
/// <param name="Channels">Channels of a vector that are stored, 1 to 16.</param>
/// <param name="PositionBytes">Bytes from position to position of the sums.</param>
/// <param name="Block">The output pixels.</param>
/// <param name="FirstRow">Rows above it are another tile's.</param>
/// <param name="FirstColumn">Columns left of it are another tile's.</param>
/// <param name="Epilogue">What follows.</param>
internal sealed record WinogradFp32OutputSpec(WinogradPoints Points, int Channels, int PositionBytes, PixelBlock Block, int FirstRow, int FirstColumn, EpilogueFp32Spec Epilogue);

/// <summary>
/// A' s A of <see cref="WinogradPoints"/> for some vectors of channels of some tiles, bias and epilogue. The sums of a tile lie at its <see cref="BlockOffsets.Input"/>, 16 channels at each position,
/// those of the next vector after them.
/// </summary>
internal sealed class WinogradFp32OutputEmitter(WinogradFp32OutputSpec spec) : KernelEmitter
{
    private const int Registers = 32, VectorBytes = PanelShape.Lanes * sizeof(float);

    private static readonly AssemblerRegister64 s_tiles = rsi, s_tileCount = rcx, s_vectors = rax, s_shared = r9, s_sums = r12, s_output = r14, s_residual = r15, s_bias = r8;

    protected override void Body()
    {
        var epilogue = new EpilogueFp32Emitter(Asm, spec.Epilogue, new PanelShape(1, spec.Channels, true), s_output, s_residual, s_shared);
        epilogue.LoadMask();
        Load<ConvKernelArgs>(Args, (s_tiles, nameof(ConvKernelArgs.Blocks)), (s_tileCount, nameof(ConvKernelArgs.BlockCount)), (s_shared, nameof(ConvKernelArgs.Shared)));
        var (tile, vector) = (Asm.CreateLabel(), Asm.CreateLabel());
        Asm.Label(ref tile);
        Open(s_sums, nameof(BlockOffsets.Input), nameof(ConvKernelArgs.Input));
        Open(s_output, nameof(BlockOffsets.Output), nameof(ConvKernelArgs.Output));
        Open(s_residual, nameof(BlockOffsets.Residual), nameof(ConvKernelArgs.Residual));
        Asm.mov(s_bias, Field<ConvKernelArgs>(Args, nameof(ConvKernelArgs.Panel)));
        Asm.mov(s_vectors, Field<ConvKernelArgs>(Args, nameof(ConvKernelArgs.PanelCount)));
        Asm.Label(ref vector);
        Transform(epilogue);
        foreach (var operand in (AssemblerRegister64[])[s_sums, s_output, s_residual, s_bias]) Asm.add(operand, VectorBytes);
        Asm.dec(s_vectors);
        Asm.jne(vector);
        Asm.add(s_tiles, Marshal.SizeOf<BlockOffsets>());
        Asm.dec(s_tileCount);
        Asm.jne(tile);
    }

    private void Open(AssemblerRegister64 register, string offset, string operand)
    {
        Asm.mov(register, Field<BlockOffsets>(s_tiles, offset));
        Asm.add(register, Field<ConvKernelArgs>(Args, operand));
    }

    // Along columns, then along rows.
    private void Transform(EpilogueFp32Emitter epilogue)
    {
        var transform = new WinogradTransformEmitter(Asm, spec.Points, s_shared, ActivationFp32Emitter.ConstantBytes);
        var size = spec.Points.Size;
        var free = Enumerable.Range(0, Registers).ToArray();
        var columns = new int[size][];
        for (var column = 0; column < size; column++)
        {
            var x = free[..size];
            for (var row = 0; row < size; row++) Asm.vmovups(Zmm(x[row]), __zmmword_ptr[s_sums + (row * size + column) * spec.PositionBytes]);
            (columns[column], _) = transform.Outputs(x, free.AsSpan(size));
            free = [.. free.Except(columns[column])];
        }
        for (var row = spec.FirstRow; row < spec.Block.Rows; row++)
        {
            var (outputs, unused) = transform.Outputs([.. columns.Select(column => column[row])], free);
            for (var column = spec.FirstColumn; column < spec.Block.Columns; column++)
            {
                Asm.vaddps(Zmm(outputs[column]), Zmm(outputs[column]), __zmmword_ptr[s_bias]);
                var pixel = row * spec.Block.Columns + column;
                epilogue.Finish(outputs[column], 0, spec.Block.Output(pixel), spec.Block.Residual(pixel), unused);
            }
            free = [.. unused, .. outputs];
        }
    }
}
