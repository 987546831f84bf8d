using Iced.Intel;
using System.Runtime.InteropServices;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>
/// Base of the kernels without AMX, whatever the width of vectors: all pixels of a tile by all vectors of a panel are sums in registers, pixel by pixel, which begin with the channels' start values
/// and go to the epilogue from there. All tiles of a panel before the next panel; where a block of tiles needs work of its own, all panels on a block before the next block.
/// </summary>
internal abstract class VectorTileEmitter(ConvKernelSpec spec) : KernelEmitter
{
    private const int LineBytes = 64;

    private static readonly AssemblerRegister64 s_output = r10, s_residual = r11, s_tileOutput = r14, s_tileResidual = r15;

    private readonly List<ITileEpilogue> _epilogues = [];

    // What the stack keeps behind the memory of a derived class: where the weights begin that are fetched, the tiles that are left, the arguments, the panels that are left, the stack on entry; and for
    // kernels with blocks, the first tile of the block, the number of its tiles, and the tiles of this block and those after it.
    private AssemblerMemoryOperand NextStart => Kept(0);

    private AssemblerMemoryOperand TilesLeft => Kept(1);

    private AssemblerMemoryOperand Arguments => Kept(2);

    private AssemblerMemoryOperand PanelsLeft => Kept(3);

    private AssemblerMemoryOperand StackOnEntry => Kept(4);

    private AssemblerMemoryOperand BlockStart => Kept(5);

    private AssemblerMemoryOperand TilesOfBlocks => Kept(7);

    private AssemblerMemoryOperand Kept(int index) => __qword_ptr[rsp + (StackBytes + index * 8)];

    /// <summary>The number of tiles of a block.</summary>
    protected AssemblerMemoryOperand BlockCount => Kept(6);

    /// <summary>Holds the address that tiles' inputs count from; a derived class may count from elsewhere.</summary>
    protected static AssemblerRegister64 Input => rbx;

    /// <summary>Holds the address of a tile's offsets.</summary>
    protected static AssemblerRegister64 Tiles => rsi;

    /// <summary>Holds the address of the tile's first window when products begin.</summary>
    protected static AssemblerRegister64 Pixel => r12;

    /// <summary>Holds the address of the panel's weights; must stay.</summary>
    protected static AssemblerRegister64 Weights => rdx;

    /// <summary>Holds the same when the products of a tile begin, and may move.</summary>
    protected static AssemblerRegister64 Weight => r13;

    /// <summary>Holds the address of the panel's constants; must stay.</summary>
    protected static AssemblerRegister64 Panel => r8;

    /// <summary>Holds the address of the constants of all panels; must stay.</summary>
    protected static AssemblerRegister64 Shared => r9;

    /// <summary>Holds the address of what is to be fetched next, if the kernel does so.</summary>
    protected static AssemblerRegister64 Next => rcx;

    /// <summary>Free, and counts bands where there are several.</summary>
    protected static AssemblerRegister64 Row => rbp;

    /// <summary>Free.</summary>
    protected static AssemblerRegister64 Column => rax;

    /// <summary>Free.</summary>
    protected static AssemblerRegister64 Step => rdi;

    protected ConvKernelSpec Spec { get; } = spec;

    /// <summary>The tile whose code is being emitted.</summary>
    protected TilePattern Tile { get; private set; } = spec.Tile;

    protected int Pixels => Tile.Pixels;

    /// <summary>Vectors of results for each pixel.</summary>
    protected abstract int Vectors { get; }

    /// <summary>Vectors of sums for each pixel.</summary>
    protected virtual int SumVectors => Vectors;

    /// <summary>Registers of sums, from 0 on; those behind are free.</summary>
    protected int Accumulators => Pixels / Bands * SumVectors;

    /// <summary>Equal parts of a tile, some rows each, that are finished one after the other.</summary>
    protected virtual int Bands => 1;

    /// <summary>Bytes from a panel's weights to those of the next.</summary>
    protected abstract int PanelWeightBytes { get; }

    /// <summary>Bytes from the input of a panel to that of the next.</summary>
    protected virtual int PanelInputBytes => 0;

    /// <summary>Tiles of a block; 0 where all tiles of a call are one.</summary>
    protected virtual int BlockTiles => 0;

    /// <summary>The most tiles of the last block, which takes what would be left over for a short one.</summary>
    protected virtual int LastBlockTiles => BlockTiles;

    /// <summary>Bytes of the stack that <see cref="Products"/> may use from rsp on, a multiple of 64; less than a page in all.</summary>
    protected virtual int StackBytes => 0;

    /// <summary>What is done once for the kernel. May overwrite rax and mask k4, which then is its own.</summary>
    protected virtual void OpenKernel()
    {
    }

    /// <summary>What comes before the panels of a block, whose first tile <see cref="Tiles"/> points to; the arguments are at rax, everything else is free.</summary>
    protected virtual void OpenBlock()
    {
    }

    /// <summary>What comes before the tiles of a panel; the arguments are at rax.</summary>
    protected virtual void OpenPanel()
    {
    }

    /// <summary>What comes before a tile: brings the address of its first window into <see cref="Pixel"/>.</summary>
    protected virtual void OpenTile() => Address(Pixel, nameof(TileOffsets.Input), Input);

    /// <summary>Brings start values into the sums.</summary>
    protected abstract void StartSums();

    /// <summary>Adds the products of the tile, or of a band, to the sums. May use all free registers, and move <see cref="Pixel"/> and <see cref="Weight"/>.</summary>
    protected abstract void Products();

    /// <summary>The register of a pixel's vector when the products are done.</summary>
    protected virtual int SumOf(int pixel, int vector) => pixel * Vectors + vector;

    /// <summary>What turns the sums of a band into results.</summary>
    protected abstract ITileEpilogue Epilogue(EpilogueRegisters registers, TilePattern band);

    /// <summary>The vector registers that the epilogue may overwrite.</summary>
    protected abstract int[] FreeInEpilogue { get; }

    protected override void OutOfLine() => _epilogues.ForEach(epilogue => epilogue.OutOfLine());

    protected sealed override void Body()
    {
        Epilogue().LoadMask();
        OpenKernel();
        OpenFrame();
        var (block, panel) = (Asm.CreateLabel(), Asm.CreateLabel());
        if (BlockTiles > 0)
        {
            Asm.Label(ref block);
            CountBlock();
            OpenBlock();
        }
        LoadArguments();
        Asm.Label(ref panel);
        StartPanel();
        AllTiles(Spec.Tile, nameof(ConvKernelArgs.Tiles), nameof(ConvKernelArgs.TileCount));
        if (Spec.RestRows > 0) AllTiles(Spec.Tile with { Rows = Spec.RestRows }, nameof(ConvKernelArgs.RestTiles), nameof(ConvKernelArgs.RestCount));
        Asm.add(Weights, PanelWeightBytes);
        if (PanelInputBytes != 0) Asm.add(Input, PanelInputBytes);
        Asm.add(Panel, Spec.Arithmetic.PanelBytes(Spec.Panel.Vectors));
        Asm.add(s_output, Spec.OutputPanelBytes);
        Asm.add(s_residual, Spec.ResidualPanelBytes);
        Asm.dec(PanelsLeft);
        Asm.jne(panel);
        if (BlockTiles > 0)
        {
            Asm.mov(BlockStart, Tiles);
            Asm.mov(rax, BlockCount);
            Asm.sub(TilesOfBlocks, rax);
            Asm.jne(block);
        }
        _epilogues[0].Close();
        Asm.mov(rsp, StackOnEntry);
    }

    /// <summary>Emits a loop over the tiles of a block that writes them to scratch memory in another form: from <see cref="Pixel"/>, the tile's first window, to <see cref="Weight"/>, one tile behind the other.</summary>
    protected void ToScratch(Action tile)
    {
        Load<ConvKernelArgs>(rax, (Input, nameof(ConvKernelArgs.Input)), (Weight, nameof(ConvKernelArgs.Scratch)));
        Asm.mov(Next, BlockCount);
        var top = Asm.CreateLabel();
        Asm.Label(ref top);
        Address(Pixel, nameof(TileOffsets.Input), Input);
        tile();
        Asm.add(Tiles, Marshal.SizeOf<TileOffsets>());
        Asm.dec(Next);
        Asm.jne(top);
    }

    private ITileEpilogue Epilogue() => Epilogue(new EpilogueRegisters(s_tileOutput, s_tileResidual, Panel, Shared, FreeInEpilogue), Tile with { Rows = Tile.Rows / Bands });

    private void Address(AssemblerRegister64 register, string offset, AssemblerRegister64 operand)
    {
        Asm.mov(register, Field<TileOffsets>(Tiles, offset));
        Asm.add(register, operand);
    }

    private void OpenFrame()
    {
        Asm.mov(rbp, rsp);
        Asm.sub(rsp, StackBytes + LineBytes);
        Asm.and(rsp, -LineBytes);
        Asm.mov(StackOnEntry, rbp);
        Asm.mov(Arguments, Args);
        if (BlockTiles == 0) return;
        Load<ConvKernelArgs>(Args, (rax, nameof(ConvKernelArgs.Tiles)), (rbp, nameof(ConvKernelArgs.TileCount)));
        Asm.mov(BlockStart, rax);
        Asm.mov(TilesOfBlocks, rbp);
    }

    private void CountBlock()
    {
        Asm.mov(Tiles, BlockStart);
        Asm.mov(rbp, TilesOfBlocks);
        Asm.mov(rax, BlockTiles);
        Asm.cmp(rbp, LastBlockTiles);
        Asm.cmovg(rbp, rax);
        Asm.mov(BlockCount, rbp);
        Asm.mov(rax, Arguments);
    }

    private void LoadArguments()
    {
        Asm.mov(rax, Arguments);
        Load<ConvKernelArgs>(rax, (Input, nameof(ConvKernelArgs.Input)), (s_output, nameof(ConvKernelArgs.Output)), (s_residual, nameof(ConvKernelArgs.Residual)), (rbp, nameof(ConvKernelArgs.PanelCount)));
        Load<ConvKernelArgs>(rax, (Weights, nameof(ConvKernelArgs.Weights)), (Panel, nameof(ConvKernelArgs.Panel)), (Shared, nameof(ConvKernelArgs.Shared)));
        Asm.mov(PanelsLeft, rbp);
    }

    private void StartPanel()
    {
        Asm.mov(rax, Arguments);
        if (Spec.FetchSteps > 0)
        {
            Asm.lea(Next, __byte_ptr[Weights + PanelWeightBytes]);
            Asm.cmp(PanelsLeft, 1);
            Asm.cmove(Next, Field<ConvKernelArgs>(rax, nameof(ConvKernelArgs.NextWeights)));
            Asm.mov(NextStart, Next);
        }
        OpenPanel();
    }

    // All tiles of one kind, or of a block.
    private void AllTiles(TilePattern pattern, string tiles, string count)
    {
        Tile = pattern;
        _epilogues.Add(Epilogue());
        var (tile, end) = (Asm.CreateLabel(), Asm.CreateLabel());
        Asm.mov(rax, Arguments);
        Asm.mov(Tiles, BlockTiles > 0 ? BlockStart : Field<ConvKernelArgs>(rax, tiles));
        Asm.mov(rbp, BlockTiles > 0 ? BlockCount : Field<ConvKernelArgs>(rax, count));
        Asm.mov(TilesLeft, rbp);
        if (Spec.RestRows > 0)
        {
            Asm.test(rbp, rbp);
            Asm.je(end);
        }
        Asm.Label(ref tile);
        StartTile();
        WindowLoop.Repeat(Asm, Row, Bands, () =>
        {
            StartSums();
            Products();
            foreach (var step in _epilogues[^1].Steps(Pixels / Bands, (pixel, vector, _) => SumOf(pixel, vector))) step();
            if (Bands == 1) return;
            Asm.add(s_tileOutput, Tile.Rows / Bands * Tile.OutputRow);
            Asm.add(s_tileResidual, Tile.Rows / Bands * Tile.ResidualRow);
        });
        Asm.add(Tiles, Marshal.SizeOf<TileOffsets>());
        Asm.dec(TilesLeft);
        Asm.jne(tile);
        if (Spec.RestRows > 0) Asm.Label(ref end);
    }

    private void StartTile()
    {
        if (Spec.FetchSteps > 0)
        {
            // More tiles than the fetches were spread over: again from the start, which is there now and costs nothing.
            Asm.mov(rax, Next);
            Asm.sub(rax, NextStart);
            Asm.cmp(rax, PanelWeightBytes);
            Asm.cmovae(Next, NextStart);
        }
        OpenTile();
        Address(s_tileOutput, nameof(TileOffsets.Output), s_output);
        Address(s_tileResidual, nameof(TileOffsets.Residual), s_residual);
        Asm.mov(Weight, Weights);
        if (Spec.Arithmetic.FetchesResidual) Fetch(s_tileResidual, Tile.Residual, Spec.Arithmetic.ResidualBytes);
        if (Spec.Arithmetic.FetchesOutput) Fetch(s_tileOutput, Tile.Output, Spec.Arithmetic.OutputBytes);
    }

    private void Fetch(AssemblerRegister64 operand, Func<int, int> offset, int elementBytes)
    {
        for (var p = 0; p < Pixels; p++)
            for (var v = 0; v < Vectors; v++) Asm.prefetcht1(__byte_ptr[operand + (offset(p) + v * PanelShape.Lanes * elementBytes)]);
    }
}
