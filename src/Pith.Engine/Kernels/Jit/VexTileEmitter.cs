using Iced.Intel;
using System.Runtime.InteropServices;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>
/// Base of the kernels for CPUs without AVX-512, which have sixteen registers of 256 bits: up to six pixels by a panel of 16 channels, two registers for each pixel. A panel with at
/// most eight channels leaves the second out. The tiles of a call are worked off in blocks: all panels on one block of tiles before the next.
/// </summary>
internal abstract class VexTileEmitter(ConvKernelSpec spec) : KernelEmitter
{
    /// <summary>The most pixels of a tile.</summary>
    public const int LargestTile = 6;

    protected const int VectorBytes = 32;

    private const int Registers = 16;

    private const int LineBytes = 64;

    protected static readonly AssemblerRegister64 Input = rbx, Tiles = rsi, TileCount = rcx, Pixel = r12, Weight = r13, Row = rbp, Column = rax, Weights = rdx;

    private static readonly AssemblerRegister64 s_panel = r8, s_shared = r9, s_output = r10, s_residual = r11, s_tileOutput = r14, s_tileResidual = r15;

    protected ConvKernelSpec Spec { get; } = spec;

    /// <summary>Bytes of the stack that <see cref="Products"/> may use from rsp on, a multiple of 64; less than a page in all.</summary>
    protected virtual int StackBytes => 0;

    private AssemblerMemoryOperand Arguments => Kept(0);

    private AssemblerMemoryOperand PanelsLeft => Kept(1);

    private AssemblerMemoryOperand BlockTilesStart => Kept(2);

    private AssemblerMemoryOperand BlockCount => Kept(3);

    private AssemblerMemoryOperand TilesLeft => Kept(4);

    private AssemblerMemoryOperand StackOnEntry => Kept(5);

    // What the stack keeps behind the memory of a derived class.
    private AssemblerMemoryOperand Kept(int index) => __qword_ptr[rsp + (StackBytes + index * 8)];

    /// <summary>Registers of a pixel.</summary>
    protected int Halves => (Spec.Panel.Channels + VexEpilogueEmitter.Lanes - 1) / VexEpilogueEmitter.Lanes;

    protected int Accumulators => Spec.Tile.Pixels / Bands * Halves;

    /// <summary>Equal parts of a tile, some rows each, that are finished one after the other; counted by <see cref="Row"/> when there are several.</summary>
    protected virtual int Bands => 1;

    /// <summary>Bytes from a panel's weights to those of the next.</summary>
    protected abstract int PanelWeightBytes { get; }

    /// <summary>Bytes from the input of a panel to that of the next.</summary>
    protected virtual int PanelInputBytes => 0;

    /// <summary>Tiles of a block.</summary>
    protected virtual int BlockTiles => int.MaxValue;

    /// <summary>The most tiles of the last block, which takes what would be left over for a short one.</summary>
    protected virtual int LastBlockTiles => BlockTiles;

    /// <summary>Emits what comes before the panels of a block, whose tiles are at <see cref="Tiles"/> and counted by <see cref="TileCount"/>.</summary>
    protected virtual void OpenBlock()
    {
    }

    /// <summary>Emits a loop over the tiles of a block that writes them to scratch memory in another form: from <see cref="Pixel"/>, the tile's first window, to <see cref="Weight"/>, one tile behind the other.</summary>
    protected void ToScratch(Action tile)
    {
        Asm.mov(Input, Argument(rax, nameof(ConvKernelArgs.Input)));
        Asm.mov(Weight, Argument(rax, nameof(ConvKernelArgs.Scratch)));
        var top = Asm.CreateLabel();
        Asm.Label(ref top);
        Asm.mov(Pixel, TileOffset(nameof(TileOffsets.Input)));
        Asm.add(Pixel, Input);
        tile();
        Asm.add(Tiles, Marshal.SizeOf<TileOffsets>());
        Asm.dec(TileCount);
        Asm.jne(top);
    }

    /// <summary>Emits what comes before the tiles of a panel; the argument is at rax.</summary>
    protected virtual void OpenPanel()
    {
    }

    /// <summary>Emits what comes before a tile: brings the address of its first window into <see cref="Pixel"/>.</summary>
    protected abstract void OpenTile();

    /// <summary>Emits the products of a tile or, where there are several, of a band, whose start values are in the accumulators.</summary>
    protected abstract void Products();

    protected override void Body()
    {
        var first = Math.Min(Accumulators, Registers - VexEpilogueEmitter.Temporaries);
        var epilogue = new VexEpilogueEmitter(
            Asm, Spec.Int8Epilogue, Spec.Panel.Channels, new EpilogueRegisters(s_tileOutput, s_tileResidual, s_panel, s_shared, Enumerable.Range(first, Registers - first).ToArray()), Spec.Tile with { Rows = Spec.Tile.Rows / Bands });
        OpenFrame();
        var (block, panel, tile) = (Asm.CreateLabel(), Asm.CreateLabel(), Asm.CreateLabel());
        Asm.Label(ref block);
        CountBlock();
        OpenBlock();
        LoadArguments();
        Asm.Label(ref panel);
        Asm.mov(Tiles, BlockTilesStart);
        Asm.mov(TileCount, BlockCount);
        Asm.mov(rax, Arguments);
        OpenPanel();
        Asm.Label(ref tile);
        StartTile();
        WindowLoop.Repeat(Asm, Row, Bands, () =>
        {
            StartAccumulators();
            Products();
            epilogue.Emit();
            if (Bands == 1) return;
            Asm.add(s_tileOutput, Spec.Tile.Rows / Bands * Spec.Tile.OutputRow);
            Asm.add(s_tileResidual, Spec.Tile.Rows / Bands * Spec.Tile.ResidualRow);
        });
        Asm.add(Tiles, Marshal.SizeOf<TileOffsets>());
        Asm.dec(TileCount);
        Asm.jne(tile);
        Asm.add(Weights, PanelWeightBytes);
        if (PanelInputBytes != 0) Asm.add(Input, PanelInputBytes);
        Asm.add(s_panel, EpilogueConstants.PanelBytes(1));
        Asm.add(s_output, Spec.OutputPanelBytes);
        Asm.add(s_residual, Spec.ResidualPanelBytes);
        Asm.dec(PanelsLeft);
        Asm.jne(panel);
        Asm.mov(BlockTilesStart, Tiles);
        Asm.mov(rax, BlockCount);
        Asm.sub(TilesLeft, rax);
        Asm.jne(block);
        Asm.mov(rsp, StackOnEntry);
    }

    protected static AssemblerMemoryOperand Argument(AssemblerRegister64 args, string field) => Field<ConvKernelArgs>(args, field);

    protected static AssemblerMemoryOperand TileOffset(string field) => Field<TileOffsets>(Tiles, field);

    private void OpenFrame()
    {
        Asm.mov(rbp, rsp);
        Asm.sub(rsp, StackBytes + LineBytes);
        Asm.and(rsp, -LineBytes);
        Asm.mov(StackOnEntry, rbp);
        Asm.mov(Arguments, Args);
        Asm.mov(rax, Argument(Args, nameof(ConvKernelArgs.Tiles)));
        Asm.mov(BlockTilesStart, rax);
        Asm.mov(rax, Argument(Args, nameof(ConvKernelArgs.TileCount)));
        Asm.mov(TilesLeft, rax);
    }

    private void CountBlock()
    {
        Asm.mov(Tiles, BlockTilesStart);
        Asm.mov(TileCount, TilesLeft);
        Asm.mov(rax, BlockTiles);
        Asm.cmp(TileCount, LastBlockTiles);
        Asm.cmovg(TileCount, rax);
        Asm.mov(BlockCount, TileCount);
        Asm.mov(rax, Arguments);
    }

    private void LoadArguments()
    {
        Asm.mov(rax, Arguments);
        Asm.mov(rcx, Argument(rax, nameof(ConvKernelArgs.PanelCount)));
        Asm.mov(PanelsLeft, rcx);
        (AssemblerRegister64 Register, string Field)[] fields =
        [
            (Input, nameof(ConvKernelArgs.Input)), (s_output, nameof(ConvKernelArgs.Output)), (s_residual, nameof(ConvKernelArgs.Residual)),
            (Weights, nameof(ConvKernelArgs.Weights)), (s_panel, nameof(ConvKernelArgs.Panel)), (s_shared, nameof(ConvKernelArgs.Shared)),
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
        Asm.mov(Weight, Weights);
    }

    private void StartAccumulators()
    {
        for (var i = 0; i < Accumulators; i++)
        {
            if (i < Halves) Asm.vmovdqu(Ymm(i), __ymmword_ptr[s_panel + (EpilogueConstants.Start(0) + i * VectorBytes)]);
            else Asm.vmovdqa(Ymm(i), Ymm(i % Halves));
        }
    }
}
