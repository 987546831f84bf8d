using Iced.Intel;
using System.Runtime.InteropServices;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>
/// Base of the convolution kernels for CPUs without AVX-512, which have sixteen registers of 256 bits: up to six pixels by a panel of 16 channels, two registers for each pixel. A panel with at
/// most eight channels leaves the second out. The tiles of a call are worked off in blocks: all panels on one block of tiles before the next.
/// </summary>
internal abstract class ConvVexEmitter(ConvKernelSpec spec) : KernelEmitter
{
    /// <summary>The most pixels of a tile.</summary>
    public const int LargestTile = 6;

    protected const int VectorBytes = 32;

    private const int Registers = 16;

    // So many multiply instructions in a loop's body make its counting invisible; more only fill the instruction cache.
    private const int BodyInstructions = 48;

    // What the stack keeps.
    private const int ArgsAt = 0, PanelsLeftAt = 8, BlockTilesAt = 16, BlockCountAt = 24, TilesLeftAt = 32, FrameBytes = 40;

    protected static readonly AssemblerRegister64 Input = rbx, Tiles = rsi, TileCount = rcx, Pixel = r12, Weight = r13, Row = rbp, Column = rax;

    private static readonly AssemblerRegister64 s_weights = rdx, s_panel = r8, s_shared = r9, s_output = r10, s_residual = r11, s_tileOutput = r14, s_tileResidual = r15, s_step = rdi;

    protected ConvKernelSpec Spec { get; } = spec;

    /// <summary>Registers of a pixel.</summary>
    protected int Halves => (Spec.Panel.Channels + VexEpilogueEmitter.Lanes - 1) / VexEpilogueEmitter.Lanes;

    protected int Accumulators => Spec.Tile.Pixels * Halves;

    /// <summary>Bytes of a pixel that are multiplied at once.</summary>
    protected abstract int StepBytes { get; }

    /// <summary>Bytes of a panel's weights for a step.</summary>
    protected static int WeightStepBytes => 2 * VectorBytes;

    /// <summary>What the loops run over, as it lies in memory that they read.</summary>
    protected abstract ReductionShape Reduction { get; }

    /// <summary>The most tiles of a block.</summary>
    protected virtual int BlockTiles => int.MaxValue;

    /// <summary>Emits what comes before the panels of a block, whose tiles are at <see cref="Tiles"/> and counted by <see cref="TileCount"/>.</summary>
    protected virtual void OpenBlock()
    {
    }

    /// <summary>Emits what comes before the tiles of a panel; the argument is at rax.</summary>
    protected virtual void OpenPanel()
    {
    }

    /// <summary>Brings the address of the tile's first window into <see cref="Pixel"/>.</summary>
    protected abstract void OpenTile();

    /// <summary>Emits the products of some steps with the addresses as they are.</summary>
    protected abstract void Steps(int count);

    protected override void Body()
    {
        var first = Math.Min(Accumulators, Registers - VexEpilogueEmitter.Temporaries);
        var epilogue = new VexEpilogueEmitter(
            Asm, Spec.Epilogue, Spec.Panel.Channels, new EpilogueRegisters(s_tileOutput, s_tileResidual, s_panel, s_shared, Enumerable.Range(first, Registers - first).ToArray()), Spec.Tile);
        OpenFrame();
        var (block, panel, tile) = (Asm.CreateLabel(), Asm.CreateLabel(), Asm.CreateLabel());
        Asm.Label(ref block);
        CountBlock();
        OpenBlock();
        LoadArguments();
        Asm.Label(ref panel);
        Asm.mov(Tiles, __qword_ptr[rsp + BlockTilesAt]);
        Asm.mov(TileCount, __qword_ptr[rsp + BlockCountAt]);
        Asm.mov(rax, __qword_ptr[rsp + ArgsAt]);
        OpenPanel();
        Asm.Label(ref tile);
        StartTile();
        Runs();
        epilogue.Emit();
        Asm.add(Tiles, Marshal.SizeOf<TileOffsets>());
        Asm.dec(TileCount);
        Asm.jne(tile);
        // A tile leaves the weights' address behind the panel.
        Asm.mov(s_weights, Weight);
        Asm.add(s_panel, EpilogueConstants.PanelBytes(1));
        Asm.add(s_output, Spec.OutputPanelBytes);
        Asm.add(s_residual, Spec.ResidualPanelBytes);
        Asm.dec(__qword_ptr[rsp + PanelsLeftAt]);
        Asm.jne(panel);
        Asm.mov(__qword_ptr[rsp + BlockTilesAt], Tiles);
        Asm.mov(rax, __qword_ptr[rsp + BlockCountAt]);
        Asm.sub(__qword_ptr[rsp + TilesLeftAt], rax);
        Asm.jne(block);
        Asm.add(rsp, FrameBytes);
    }

    protected static AssemblerMemoryOperand Argument(AssemblerRegister64 args, string field) => __qword_ptr[args + (int)Marshal.OffsetOf<ConvKernelArgs>(field)];

    protected static AssemblerMemoryOperand TileOffset(string field) => __qword_ptr[Tiles + (int)Marshal.OffsetOf<TileOffsets>(field)];

    protected static AssemblerMemoryOperand WeightAt(int step, int half) => __ymmword_ptr[Weight + (step * WeightStepBytes + half * VectorBytes)];

    protected void Loop(AssemblerRegister64 counter, int count, Action body)
    {
        if (count == 1)
        {
            body();
            return;
        }
        Asm.mov(counter, count);
        var top = Asm.CreateLabel();
        Asm.Label(ref top);
        body();
        Asm.dec(counter);
        Asm.jne(top);
    }

    private void OpenFrame()
    {
        Asm.sub(rsp, FrameBytes);
        Asm.mov(__qword_ptr[rsp + ArgsAt], Args);
        Asm.mov(rax, Argument(Args, nameof(ConvKernelArgs.Tiles)));
        Asm.mov(__qword_ptr[rsp + BlockTilesAt], rax);
        Asm.mov(rax, Argument(Args, nameof(ConvKernelArgs.TileCount)));
        Asm.mov(__qword_ptr[rsp + TilesLeftAt], rax);
    }

    private void CountBlock()
    {
        Asm.mov(Tiles, __qword_ptr[rsp + BlockTilesAt]);
        Asm.mov(TileCount, __qword_ptr[rsp + TilesLeftAt]);
        Asm.mov(rax, BlockTiles);
        Asm.cmp(TileCount, rax);
        Asm.cmovg(TileCount, rax);
        Asm.mov(__qword_ptr[rsp + BlockCountAt], TileCount);
        Asm.mov(rax, __qword_ptr[rsp + ArgsAt]);
    }

    private void LoadArguments()
    {
        Asm.mov(rax, __qword_ptr[rsp + ArgsAt]);
        Asm.mov(rcx, Argument(rax, nameof(ConvKernelArgs.PanelCount)));
        Asm.mov(__qword_ptr[rsp + PanelsLeftAt], rcx);
        (AssemblerRegister64 Register, string Field)[] fields =
        [
            (Input, nameof(ConvKernelArgs.Input)), (s_output, nameof(ConvKernelArgs.Output)), (s_residual, nameof(ConvKernelArgs.Residual)),
            (s_weights, nameof(ConvKernelArgs.Weights)), (s_panel, nameof(ConvKernelArgs.Panel)), (s_shared, nameof(ConvKernelArgs.Shared)),
        ];
        foreach (var (register, field) in fields) Asm.mov(register, Argument(rax, field));
    }

    private void StartTile()
    {
        OpenTile();
        Asm.mov(s_tileOutput, TileOffset(nameof(TileOffsets.Output)));
        Asm.mov(s_tileResidual, TileOffset(nameof(TileOffsets.Residual)));
        Asm.add(s_tileOutput, s_output);
        Asm.add(s_tileResidual, s_residual);
        Asm.mov(Weight, s_weights);
        for (var i = 0; i < Accumulators; i++)
        {
            if (i < Halves) Asm.vmovdqu(Ymm(i), __ymmword_ptr[s_panel + (EpilogueConstants.Start(0) + i * VectorBytes)]);
            else Asm.vmovdqa(Ymm(i), Ymm(i % Halves));
        }
    }

    // The three loops over a window: rows, runs of a row, steps of a run.
    private void Runs()
    {
        var shape = Reduction;
        Loop(Row, shape.Rows, () =>
        {
            Loop(Column, shape.Columns, () =>
            {
                var advanced = Run();
                var next = shape.ColumnBytes - advanced;
                if (shape.Columns > 1 && next != 0) Asm.add(Pixel, next);
                else if (shape.Columns == 1 && shape.Rows > 1) Asm.add(Pixel, shape.RowBytes - advanced);
            });
            if (shape.Columns > 1 && shape.Rows > 1) Asm.add(Pixel, shape.RowBytes - shape.Columns * shape.ColumnBytes);
        });
    }

    // One run; returns by how much the pixel's address moved.
    private int Run()
    {
        var steps = Reduction.RunBytes / StepBytes;
        var unroll = Unroll(steps);
        var (loops, rest) = Math.DivRem(steps, unroll);
        var advanced = 0;
        Loop(s_step, loops, () =>
        {
            Steps(unroll);
            Asm.add(Weight, unroll * WeightStepBytes);
            if (loops > 1 || rest > 0) Asm.add(Pixel, unroll * StepBytes);
        });
        if (loops > 1 || rest > 0) advanced = loops * unroll * StepBytes;
        if (rest == 0) return advanced;
        Steps(rest);
        Asm.add(Weight, rest * WeightStepBytes);
        return advanced;
    }

    // The largest divisor that fits, unless all divisors are small.
    private int Unroll(int steps)
    {
        var most = Math.Max(1, BodyInstructions / Accumulators);
        if (steps <= most) return steps;
        for (var unroll = most; unroll > most / 2; unroll--)
            if (steps % unroll == 0) return unroll;
        return most;
    }
}
