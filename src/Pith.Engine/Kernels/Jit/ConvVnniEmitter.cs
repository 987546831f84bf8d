using Iced.Intel;
using System.Runtime.InteropServices;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>
/// Kernel <c>conv_u8s8s32_PxV16c4_avx512vnni</c>: P pixels by V vectors of 16 output channels stay in registers while four input bytes of each pixel at a time are broadcast and multiplied
/// with the panel's weights by VPDPBUSD. Weights are packed as [runs][RunBytes / 4][V][16][4].
/// </summary>
internal sealed class ConvVnniEmitter(ConvKernelSpec spec) : KernelEmitter
{
    /// <summary>Input bytes that one VPDPBUSD multiplies for each channel.</summary>
    public const int StepBytes = 4;

    private const int Registers = 32;

    // So many multiply instructions in a loop's body make its counting invisible; more only fill the instruction cache.
    private const int BodyInstructions = 240;

    private static readonly AssemblerRegister64 s_input = rbx, s_weights = rdx, s_tiles = rsi, s_tileCount = rcx, s_panel = r8, s_shared = r9, s_output = r10, s_residual = r11;
    private static readonly AssemblerRegister64 s_pixel = r12, s_weight = r13, s_tileOutput = r14, s_tileResidual = r15, s_row = rbp, s_column = rax, s_step = rdi;

    private EpilogueEmitter? _epilogue;

    private int Pixels => spec.Tile.Pixels;

    private int Vectors => spec.Panel.Vectors;

    /// <summary>The most pixels of a tile with so many vectors of channels.</summary>
    public static int LargestTile(int vectors, EpilogueSpec epilogue) => (Registers - Math.Max(vectors + 2, epilogue.Temporaries)) / vectors;

    protected override void OutOfLine() => _epilogue!.OutOfLine();

    protected override void Body()
    {
        _epilogue = new EpilogueEmitter(
            Asm, spec.Epilogue, spec.Panel, new EpilogueRegisters(s_tileOutput, s_tileResidual, s_panel, s_shared, Enumerable.Range(Pixels * Vectors, Registers - Pixels * Vectors).ToArray()),
            spec.Tile.Output, spec.Tile.Residual);
        Load(Args, (s_input, nameof(ConvKernelArgs.Input)), (s_output, nameof(ConvKernelArgs.Output)), (s_residual, nameof(ConvKernelArgs.Residual)));
        Load(Args, (s_weights, nameof(ConvKernelArgs.Weights)), (s_panel, nameof(ConvKernelArgs.Panel)), (s_shared, nameof(ConvKernelArgs.Shared)));
        _epilogue.LoadMask();
        // Where the tiles and panels are counted: the stack keeps the arguments and the panels that are left.
        Asm.mov(rax, Argument(Args, nameof(ConvKernelArgs.PanelCount)));
        Asm.push(rax);
        Asm.push(Args);
        var (panel, tile) = (Asm.CreateLabel(), Asm.CreateLabel());
        Asm.Label(ref panel);
        Asm.mov(rax, __qword_ptr[rsp]);
        Load(rax, (s_tiles, nameof(ConvKernelArgs.Tiles)), (s_tileCount, nameof(ConvKernelArgs.TileCount)));
        Asm.Label(ref tile);
        OpenTile();
        Runs();
        foreach (var step in _epilogue.Steps(Pixels, (pixel, vector, _) => pixel * Vectors + vector)) step();
        Asm.add(s_tiles, Marshal.SizeOf<TileOffsets>());
        Asm.dec(s_tileCount);
        Asm.jne(tile);
        // A tile leaves the weights' address behind the panel.
        Asm.mov(s_weights, s_weight);
        Asm.add(s_panel, EpilogueConstants.PanelBytes(Vectors));
        Asm.add(s_output, spec.OutputPanelBytes);
        Asm.add(s_residual, spec.ResidualPanelBytes);
        Asm.dec(__qword_ptr[rsp + 8]);
        Asm.jne(panel);
        Asm.add(rsp, 16);
    }

    private static AssemblerMemoryOperand Argument(AssemblerRegister64 args, string field) => __qword_ptr[args + (int)Marshal.OffsetOf<ConvKernelArgs>(field)];

    private void Load(AssemblerRegister64 args, params ReadOnlySpan<(AssemblerRegister64 Register, string Field)> fields)
    {
        foreach (var (register, field) in fields) Asm.mov(register, Argument(args, field));
    }

    private void OpenTile()
    {
        Asm.mov(s_pixel, __qword_ptr[s_tiles + (int)Marshal.OffsetOf<TileOffsets>(nameof(TileOffsets.Input))]);
        Asm.mov(s_tileOutput, __qword_ptr[s_tiles + (int)Marshal.OffsetOf<TileOffsets>(nameof(TileOffsets.Output))]);
        Asm.mov(s_tileResidual, __qword_ptr[s_tiles + (int)Marshal.OffsetOf<TileOffsets>(nameof(TileOffsets.Residual))]);
        Asm.add(s_pixel, s_input);
        Asm.add(s_tileOutput, s_output);
        Asm.add(s_tileResidual, s_residual);
        Asm.mov(s_weight, s_weights);
        for (var i = 0; i < Pixels * Vectors; i++)
        {
            if (i < Vectors) Asm.vmovdqu64(Zmm(i), __zmmword_ptr[s_panel + EpilogueConstants.Start(i)]);
            else Asm.vmovdqa64(Zmm(i), Zmm(i % Vectors));
        }
    }

    private void Runs() => new WindowLoop(
        Asm, spec.Reduction, new WindowRegisters(s_pixel, s_weight, s_row, s_column, s_step), StepBytes, Vectors * 64, Math.Max(1, BodyInstructions / (Pixels * Vectors)), Steps).Emit();

    private void Steps(int count)
    {
        var accumulators = Pixels * Vectors;
        // With few pixels it costs nothing to read weights once for each.
        var keepsWeights = Pixels > 2;
        var firstPixel = accumulators + (keepsWeights ? Vectors : 0);
        for (var step = 0; step < count; step++)
        {
            if (keepsWeights)
                for (var v = 0; v < Vectors; v++) Asm.vmovdqu64(Zmm(accumulators + v), Weight(step, v));
            for (var p = 0; p < Pixels; p++)
            {
                var pixel = Zmm(firstPixel + (step * Pixels + p) % (Registers - firstPixel));
                Asm.vpbroadcastd(pixel, __dword_ptr[s_pixel + (spec.Tile.Input(p) + step * StepBytes)]);
                for (var v = 0; v < Vectors; v++)
                {
                    if (keepsWeights) Asm.vpdpbusd(Zmm(p * Vectors + v), pixel, Zmm(accumulators + v));
                    else Asm.vpdpbusd(Zmm(p * Vectors + v), pixel, Weight(step, v));
                }
            }
        }
    }

    private AssemblerMemoryOperand Weight(int step, int vector) => __zmmword_ptr[s_weight + (step * Vectors + vector) * 64];
}
