using Iced.Intel;
using Pith.Kernels;
using Pith.Kernels.Jit;
using Pith.Ops;

namespace Pith.EngineTests.Jit;

/// <summary>What emitted code may contain, and where it lies.</summary>
public class CodeTests
{
    private static readonly CpuidFeature[] s_vnni =
        [CpuidFeature.INTEL8086, CpuidFeature.INTEL386, CpuidFeature.X64, CpuidFeature.CMOV, CpuidFeature.SSE, CpuidFeature.AVX, CpuidFeature.AVX512F, CpuidFeature.AVX512BW, CpuidFeature.AVX512DQ, CpuidFeature.AVX512VL, CpuidFeature.AVX512_VNNI];

    private static readonly CpuidFeature[] s_avx2 = [CpuidFeature.INTEL8086, CpuidFeature.INTEL386, CpuidFeature.X64, CpuidFeature.CMOV, CpuidFeature.SSE, CpuidFeature.AVX, CpuidFeature.AVX2, CpuidFeature.FMA];

    private static readonly CpuidFeature[] s_avxVnni = [.. s_avx2, CpuidFeature.AVX_VNNI];

    private static readonly CpuidFeature[] s_amx = [.. s_vnni, CpuidFeature.AMX_TILE, CpuidFeature.AMX_INT8];

    private static readonly CpuidFeature[] s_bf16 = [.. s_vnni.Except([CpuidFeature.AVX512_VNNI]), CpuidFeature.AVX512_BF16];

    private static readonly CpuidFeature[] s_amxBf16 = [.. s_vnni.Except([CpuidFeature.AVX512_VNNI]), CpuidFeature.AMX_TILE, CpuidFeature.AMX_BF16];

    public static TheoryData<string> Activations() => ["None", "LeakyRelu", "HardSwish", "HardSigmoid", "Silu", "Sigmoid"];

    [Theory]
    [MemberData(nameof(Activations))]
    public void Kernels_use_the_instructions_of_their_level_only(string activation)
    {
        foreach (var residual in Enum.GetValues<ResidualKind>())
        {
            var epilogue = new EpilogueSpec
            {
                Activation = Enum.Parse<ActivationKind>(activation), Residual = residual, ResidualHasZeroPoint = true, HasOffset = true, HasZeroPoint = true, HasLowest = true, HasHighest = true,
                Division = DivisionKind.Quick, ClampsFloats = true,
            };
            var tile = new TilePattern(1, 6) { InputColumn = 64, OutputColumn = 64, ResidualColumn = 64 };
            var spec = new ConvKernelSpec(new PanelShape(2, 24, epilogue.IsNatural), tile, new ReductionShape(3, 640, 1, 0, 192), new Int8ConvArithmetic(epilogue));
            Check(new ConvVnniEmitter(spec), s_vnni);
            Check(new ConvCompressedVnniEmitter(spec), s_vnni);
            Check(new ConvAmxEmitter(spec, asm => new TileUnit(asm)), s_amx);
            Check(new ConvSharedAmxEmitter(spec, asm => new TileUnit(asm)), s_amx);
            foreach (var narrow in new[] { spec with { Panel = new PanelShape(1, 15, epilogue.IsNatural) }, spec with { Panel = new PanelShape(1, 7, true), Arithmetic = new Int8ConvArithmetic(epilogue with { IsFloatOutput = true }) } })
            {
                Check(new ConvAvxVnniEmitter(narrow), s_avxVnni);
                Check(new ConvAvx2Emitter(narrow), s_avx2);
                var square = new TilePattern(2, 2) { InputRow = 640, InputColumn = 64, OutputRow = 640, OutputColumn = 64 };
                Check(new ConvWinograd2Emitter(narrow with { Tile = square }), s_avx2);
                Check(new ConvWinograd4Emitter(narrow with { Tile = square with { Rows = 4, Columns = 4 } }), s_avx2);
                Check(new DepthwiseVexEmitter(narrow with { Reduction = new ReductionShape(3, 640, 3, 64, 1) }), s_avx2);
            }
            if (!epilogue.IsNatural) Check(new DepthwiseEmitter(spec with { Panel = new PanelShape(4, 40, false), Reduction = new ReductionShape(3, 640, 3, 64, 1) }), s_vnni);
        }
    }

    [Theory]
    [MemberData(nameof(Activations))]
    public void Bf16_kernels_use_the_instructions_that_they_ask_for_only(string activation)
    {
        foreach (var hasResidual in (bool[])[false, true])
        {
            var arithmetic = new Bf16ConvArithmetic(new EpilogueFp32Spec(hasResidual, Enum.Parse<ActivationKind>(activation), Streams: false));
            var tile = new TilePattern(1, 6) { InputColumn = 64, OutputColumn = 64, ResidualColumn = 64 };
            var spec = new ConvKernelSpec(new PanelShape(2, 24, IsNatural: true), tile, new ReductionShape(3, 640, 1, 0, 192), arithmetic);
            Check(new ConvVnniEmitter(spec), s_bf16);
            Check(new ConvVnniEmitter(spec with { Arithmetic = new Bf16ConvArithmetic(arithmetic.Spec with { Streams = true }) }), s_bf16);
            Check(new ConvAmxEmitter(spec, asm => new TileUnit(asm)), s_amxBf16);
        }
        Check(new Bf16CopyEmitter(), s_bf16);
    }

    [Fact]
    public void Kernels_of_winograd_use_the_instructions_of_their_level_only()
    {
        var tile = new TilePattern(4, 4) { OutputRow = 640, OutputColumn = 64, ResidualRow = 640, ResidualColumn = 64 };
        foreach (var points in new[] { WinogradPoints.Two, WinogradPoints.Four })
        {
            Check(new WinogradFp32InputEmitter(new WinogradFp32InputSpec(points, 3, 4096, 192, 1088)), s_vnni);
            foreach (var activation in Enum.GetValues<ActivationKind>().Where(ActivationFp32Emitter.Has))
                Check(new WinogradFp32OutputEmitter(new WinogradFp32OutputSpec(points, 15, 1088, tile with { Rows = points.Outputs, Columns = points.Outputs }, 1, 0, new EpilogueFp32Spec(true, activation, false))), s_vnni);
        }
    }

    [Fact]
    public void A_tile_configuration_has_the_rows_and_bytes_where_the_cpu_reads_them()
    {
        // LDTILECFG: palette in byte 0, bytes of a row of each tile from byte 16 on in 16 bits, rows from byte 48 on.
        var config = TileUnit.Config([14, 14, 14, 14, 14, 14, 16, 16]);
        Assert.Equal(64, config.Length);
        Assert.Equal(1, config[0]);
        for (var tile = 0; tile < 8; tile++) Assert.Equal((64, tile < 6 ? 14 : 16), (BitConverter.ToUInt16(config, 16 + 2 * tile), config[48 + tile]));
        Assert.All(Enumerable.Range(1, 15).Concat(Enumerable.Range(32, 16)).Concat(Enumerable.Range(56, 8)), at => Assert.Equal(0, config[at]));
    }

    [Fact]
    public void Equal_keys_share_code_and_unequal_ones_do_not()
    {
        using var arena = new CodeArena();
        var emitted = 0;
        byte[] Code()
        {
            emitted++;
            return [0xC3];
        }
        var first = arena.Get("a", ("a", 1), Code);
        Assert.Equal(first, arena.Get("a", ("a", 1), Code));
        Assert.NotEqual(first, arena.Get("a", ("a", 2), Code));
        Assert.Equal(2, emitted);
        Assert.Equal(2 * 4096, arena.Bytes);
    }

    [Fact]
    public void No_page_is_writable_and_executable()
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip("Looks at /proc/self/maps.");
        using var arena = new CodeArena();
        var address = arena.Get("ret", "ret", () => [0xC3]);
        var line = File.ReadLines("/proc/self/maps").Single(line => Start(line) <= address && address < End(line));
        Assert.Contains(" r-xp ", line, StringComparison.Ordinal);
    }

    private static long Start(string line) => Convert.ToInt64(line[..line.IndexOf('-', StringComparison.Ordinal)], 16);

    private static long End(string line) => Convert.ToInt64(line[(line.IndexOf('-', StringComparison.Ordinal) + 1)..line.IndexOf(' ', StringComparison.Ordinal)], 16);

    private static void Check(KernelEmitter emitter, CpuidFeature[] allowed)
    {
        Assert.NotEmpty(emitter.Emit());
        foreach (var instruction in emitter.Instructions)
            foreach (var feature in instruction.Code.CpuidFeatures())
                Assert.True(allowed.Contains(feature), $"{emitter.GetType().Name}: {instruction} needs {feature}.");
    }

    [Fact]
    public void Emitted_kernels_have_names_that_reports_show()
    {
        Assert.Equal("7f00a000 1c0 pith::conv_u8s8s32_7x64c4_avx512vnni\n", PerfMap.Line(0x7f00a000, 0x1c0, "conv_u8s8s32_7x64c4_avx512vnni"));
        if (!TestDevice.Has(CpuFeatures.Avx512Vnni)) Assert.Skip("This CPU has no AVX-512 VNNI.");
        var b = new Int8.QdqGraphBuilder(1);
        b.Graph.AddOutput(b.Quantized(b.Conv(b.Quantized(b.Input(16, 8, 8)), 16, 64, 3, WindowAttributes.Uniform(3, 1, 1), 1)));
        using var engine = EngineBuilder.Build(b.Graph, new EngineOptions { TimeTactics = false }, TestDevice.At(IsaLevel.Avx512Vnni));
        var kernel = Assert.Single(engine.Layers.Single(layer => layer.Spec.Kind == LayerKind.Conv).Kernels);
        Assert.Matches("^conv_u8s8s32_[0-9]+x[0-9]+c4_avx512vnni$", kernel);
    }
}
