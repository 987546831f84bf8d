using Iced.Intel;

namespace Pith.Kernels.Jit;

/// <summary>Enters or leaves the use of tiles on a thread, around the kernels that use them: configuring takes longer than a small kernel. The argument is the configuration.</summary>
/// <param name="unit">Makes the tile instructions.</param>
/// <param name="enters">Configures; else releases.</param>
internal sealed class TileStateEmitter(Func<Assembler, TileUnit> unit, bool enters) : KernelEmitter
{
    protected override void Body()
    {
        if (enters) unit(Asm).Configure(Args);
        else unit(Asm).Release();
    }
}
