-- Neovim 0.11 or newer: put this file into ~/.config/nvim/plugin/. It needs `pip install "cnndsl[lsp]"`.
vim.filetype.add({ extension = { arch = "arch" } })

vim.api.nvim_create_autocmd("FileType", {
  pattern = "arch",
  callback = function()
    vim.bo.commentstring = "# %s"
    vim.bo.shiftwidth = 4
    vim.bo.expandtab = true
  end,
})

vim.api.nvim_create_autocmd("LspAttach", {
  callback = function(event)
    local client = vim.lsp.get_client_by_id(event.data.client_id)
    if client and client.name == "cnndsl" then
      vim.lsp.inlay_hint.enable(true, { bufnr = event.buf })
    end
  end,
})

vim.lsp.config("cnndsl", {
  cmd = { "cnndsl", "lsp" },
  filetypes = { "arch" },
  root_markers = { ".git" },
})
vim.lsp.enable("cnndsl")
